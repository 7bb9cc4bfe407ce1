#include "cmocka_tests.h"
#include "crc16.h"
#include "eeprom_array.h"
#include "factory.h"

static void provision(void)
{
    eeprom_array_erase();
    uint8_t *block = eeprom_array + FACTORY_START;
    block[0] = FACTORY_MAGIC;
    block[1] = FACTORY_LAYOUT;
    block[2] = SENSOR_COUNT;
    block[3] = 7;
    for (uint8_t i = 0; i < SENSOR_COUNT; i++) {
        uint8_t *sensor = block + FACTORY_HEAD + FACTORY_SENSOR * i;
        memset(sensor, 0x10 + i, SENSOR_ID_BYTES);
        sensor[16] = (uint8_t)(100 + i);
        sensor[17] = 0x01;
        sensor[18] = 0xF4; // 500 thousandths
        sensor[19] = 0x01;
    }
    const uint16_t crc = crc16(block, FACTORY_LENGTH - 2);
    block[FACTORY_LENGTH - 2] = (uint8_t)(crc & 0xFF);
    block[FACTORY_LENGTH - 1] = (uint8_t)(crc >> 8);
}

static void a_provisioned_board_knows_its_sensors(void **state)
{
    (void)state;
    struct factory factory;
    provision();
    factory_read(&factory);
    assert_true(factory.ids);
    assert_int_equal(factory.debounce_ms, 7);
    for (uint8_t i = 0; i < SENSOR_COUNT; i++) {
        uint8_t id[SENSOR_ID_BYTES], expected[SENSOR_ID_BYTES];
        memset(expected, 0x10 + i, sizeof expected);
        factory_read_id(i, id);
        assert_memory_equal(id, expected, sizeof id);
        assert_int_equal(factory.sensor[i].weight, 256 + 100 + i);
        assert_int_equal(factory.sensor[i].milli, 500);
    }
}

static void an_empty_eeprom_gives_the_defaults_and_no_ids(void **state)
{
    (void)state;
    struct factory factory;
    eeprom_array_erase();
    factory_read(&factory);
    assert_false(factory.ids);
    assert_int_equal(factory.debounce_ms, DEBOUNCE_MS);
    assert_int_equal(factory.sensor[0].weight, METERCONST_DEFAULT);
    assert_int_equal(factory.sensor[CLAMP_COUNT].weight, PULSE_WEIGHT_DEFAULT);
}

static void any_damaged_byte_is_noticed(void **state)
{
    (void)state;
    struct factory factory;
    for (uint16_t i = 0; i < FACTORY_LENGTH; i++) {
        provision();
        eeprom_array[FACTORY_START + i] ^= 0x20;
        factory_read(&factory);
        assert_false(factory.ids);
        assert_int_equal(factory.sensor[0].weight, METERCONST_DEFAULT);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_provisioned_board_knows_its_sensors),
        cmocka_unit_test(an_empty_eeprom_gives_the_defaults_and_no_ids),
        cmocka_unit_test(any_damaged_byte_is_noticed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
