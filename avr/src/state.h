// What the firmware keeps counting with: owned by main.c, told by the link.
#ifndef STATE_H
#define STATE_H

#include "checkpoint.h"
#include "survivor.h"

extern struct survivor life; // the counters
extern struct checkpoint checkpoint;

#endif
