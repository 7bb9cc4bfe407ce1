#include "calibration.h"
#include "cmocka_tests.h"
#include "crc16.h"
#include "eeprom_array.h"

static void write_block(int16_t trim, uint16_t floor256)
{
    uint8_t *block = eeprom_array + CALIBRATION_START;
    for (uint8_t i = 0; i < CLAMP_COUNT; i++) {
        block[4 * i] = (uint8_t)((trim + i) & 0xFF);
        block[4 * i + 1] = (uint8_t)(((uint16_t)(trim + i)) >> 8);
        block[4 * i + 2] = (uint8_t)(floor256 & 0xFF);
        block[4 * i + 3] = (uint8_t)(floor256 >> 8);
    }
    const uint16_t crc = crc16(block, CALIBRATION_LENGTH - 2U);
    block[CALIBRATION_LENGTH - 2U] = (uint8_t)(crc & 0xFF);
    block[CALIBRATION_LENGTH - 1U] = (uint8_t)(crc >> 8);
}

static void a_blank_eeprom_means_no_trim(void **state)
{
    (void)state;
    struct calibration calibration[CLAMP_COUNT];
    for (int content = 0; content < 256; content += 255) {
        memset(eeprom_array, content, EEPROM_BYTES);
        calibration_read(calibration);
        for (uint8_t i = 0; i < CLAMP_COUNT; i++) {
            assert_int_equal(calibration[i].trim, 0);
            assert_int_equal(calibration[i].floor256, FLOOR256_DEFAULT);
        }
    }
}

static void a_valid_block_is_taken(void **state)
{
    (void)state;
    struct calibration calibration[CLAMP_COUNT];
    write_block(-655, 300);
    calibration_read(calibration);
    for (uint8_t i = 0; i < CLAMP_COUNT; i++) {
        assert_int_equal(calibration[i].trim, -655 + i);
        assert_int_equal(calibration[i].floor256, 300);
    }
}

static void no_damaged_byte_goes_unnoticed(void **state)
{
    (void)state;
    struct calibration calibration[CLAMP_COUNT];
    write_block(-655, 300);
    for (uint8_t i = 0; i < CALIBRATION_LENGTH; i++) {
        eeprom_array[CALIBRATION_START + i] ^= 0x10;
        calibration_read(calibration);
        assert_int_equal(calibration[0].trim, 0);
        eeprom_array[CALIBRATION_START + i] ^= 0x10;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_blank_eeprom_means_no_trim),
        cmocka_unit_test(a_valid_block_is_taken),
        cmocka_unit_test(no_damaged_byte_goes_unnoticed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
