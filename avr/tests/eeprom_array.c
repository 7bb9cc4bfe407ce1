#include "eeprom_array.h"

#include <string.h>

#include "eeprom.h"

uint8_t eeprom_array[EEPROM_BYTES];
uint16_t eeprom_stuck_at = EEPROM_BYTES;
uint32_t eeprom_operations;

uint8_t eeprom_byte(uint16_t address)
{
    return eeprom_array[address];
}

void eeprom_array_erase(void)
{
    memset(eeprom_array, 0xFF, sizeof eeprom_array);
    eeprom_stuck_at = EEPROM_BYTES;
    eeprom_operations = 0;
}

void eeprom_apply(struct eeprom_step step)
{
    eeprom_operations++;
    if (step.address == eeprom_stuck_at) {
        return;
    }
    uint8_t *cell = &eeprom_array[step.address];
    switch (step.action) {
    case EEPROM_ERASE:
        *cell = 0xFF;
        break;
    case EEPROM_WRITE:
        *cell &= step.value;
        break;
    default:
        *cell = step.value;
        break;
    }
}

bool eeprom_work(struct counter_log *log, uint32_t cut_at, uint8_t torn)
{
    uint32_t operation = 0;
    for (;;) {
        const struct eeprom_step step = counter_log_step(log);
        if (step.action == EEPROM_NOTHING) {
            return true;
        }
        if (++operation == cut_at) {
            eeprom_array[step.address] = torn;
            return false;
        }
        eeprom_apply(step);
    }
}
