// What the firmware counts with. The counters are main.c's, the other two belong to the SPI link.
#ifndef STATE_H
#define STATE_H

#include "checkpoint.h"
#include "survivor.h"

extern struct survivor life; // the counters
extern struct checkpoint checkpoint;

#if LINK_SPI
#include "command.h"
#include "settings.h"

extern struct settings settings;
extern struct news news;
#endif

#endif
