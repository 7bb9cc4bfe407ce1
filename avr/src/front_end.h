// The kinds of clamp front end. The board's header chooses one: #define FRONT_END FRONT_END_MEAN or FRONT_END_RMS.
#ifndef FRONT_END_H
#define FRONT_END_H

// The clamp's current is rectified and smoothed to a direct voltage from 0 V on, as on the original boards. A reading is the mean
// of the ADC steps. Reference: the internal 1.1 V.
#define FRONT_END_MEAN 1
// The clamp's alternating voltage on a bias at half the supply. A reading is the root of the mean square of the ADC steps about
// their slow mean. Reference: the supply, so that the bias stays in the middle whatever the supply does.
#define FRONT_END_RMS 2

#if FRONT_END != FRONT_END_MEAN && FRONT_END != FRONT_END_RMS
#error "the board's header has to define FRONT_END as FRONT_END_MEAN or FRONT_END_RMS"
#endif

#endif
