#include "cmocka_tests.h"
#include "crc16.h"

static void check_value(void **state)
{
    (void)state;
    assert_int_equal(crc16("123456789", 9), 0x29B1);
}

static void no_bytes_give_the_start(void **state)
{
    (void)state;
    assert_int_equal(crc16("", 0), CRC16_START);
}

static void every_single_bit_matters(void **state)
{
    (void)state;
    uint8_t bytes[31] = {0};
    const uint16_t zeros = crc16(bytes, sizeof bytes);
    for (size_t bit = 0; bit < 8 * sizeof bytes; bit++) {
        bytes[bit / 8] = (uint8_t)(1U << (bit % 8));
        assert_int_not_equal(crc16(bytes, sizeof bytes), zeros);
        bytes[bit / 8] = 0;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(check_value),
        cmocka_unit_test(no_bytes_give_the_start),
        cmocka_unit_test(every_single_bit_matters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
