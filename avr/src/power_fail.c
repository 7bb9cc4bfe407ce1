#include "power_fail.h"

void power_fail_start(struct power_fail *power)
{
    power->state = POWER_GOOD;
    power->saves = POWER_SAVES;
    power->good_ms = 0;
    power->alive_ms = 0;
    power->refill_ms = 0;
    power->low_s = 0;
}

enum power_action power_fail_edge(struct power_fail *power)
{
    power->good_ms = 0;
    if (power->state == POWER_SAVED || power->saves == 0) {
        return POWER_NOTHING;
    }
    power->saves--;
    power->alive_ms = 0;
    power->state = POWER_SAVED;
    return POWER_SAVE;
}

static void refill(struct power_fail *power, uint16_t elapsed_ms)
{
    power->refill_ms = (uint16_t)(power->refill_ms + elapsed_ms);
    if (power->refill_ms >= POWER_REFILL_MS) {
        power->refill_ms = 0;
        if (power->saves < POWER_SAVES) {
            power->saves++;
        }
    }
}

enum power_action power_fail_wait(struct power_fail *power, bool low, uint16_t elapsed_ms)
{
    refill(power, elapsed_ms);
    if (power->state == POWER_GOOD) {
        return POWER_NOTHING;
    }
    power->good_ms = low ? 0U : (uint16_t)(power->good_ms + elapsed_ms);
    power->alive_ms = (uint16_t)(power->alive_ms + elapsed_ms);
    if (power->good_ms < POWER_BACK_MS && power->alive_ms < POWER_ALIVE_MS) {
        return POWER_NOTHING;
    }
    power->state = POWER_GOOD;
    return POWER_RESUME;
}

bool power_fail_sags(struct power_fail *power, bool low)
{
    if (!low || power->low_s >= POWER_SAG_LAST_S) {
        return false;
    }
    power->low_s++;
    return power->low_s >= POWER_SAG_S && (power->low_s & (power->low_s - 1U)) == 0; // 64, 128, 256, 512
}
