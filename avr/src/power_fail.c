#include "power_fail.h"

void power_fail_start(struct power_fail *power)
{
    power->state = POWER_GOOD;
    power->low = false;
    power->ms = 0;
}

enum power_action power_fail_edge(struct power_fail *power)
{
    power->low = true;
    power->ms = 0;
    if (power->state == POWER_SAVED) {
        return POWER_NOTHING;
    }
    power->state = POWER_SAVED;
    return POWER_SAVE;
}

enum power_action power_fail_wait(struct power_fail *power, bool low, uint16_t elapsed_ms)
{
    if (power->state == POWER_GOOD) {
        return POWER_NOTHING;
    }
    power->ms = low == power->low ? (uint16_t)(power->ms + elapsed_ms) : 0U;
    power->low = low;
    if (power->ms < (low ? POWER_SAG_MS : POWER_BACK_MS)) {
        return POWER_NOTHING;
    }
    power->state = POWER_GOOD;
    return POWER_RESUME;
}
