#include "accumulate.h"
#include "cmocka_tests.h"

static void a_billion_billionths_are_one_unit(void **state)
{
    (void)state;
    struct counter counter = {.units = 41, .nano = 999999999};
    assert_int_equal(counter_add_nano(&counter, 0), 0);
    assert_int_equal(counter_add_nano(&counter, 1), 1);
    assert_int_equal(counter.units, 42);
    assert_int_equal(counter.nano, 0);
    assert_int_equal(counter_add_nano(&counter, 3500000001ULL), 3);
    assert_int_equal(counter.units, 45);
    assert_int_equal(counter.nano, 500000001);
}

static void counters_wrap_at_32_bits(void **state) // trap 10
{
    (void)state;
    struct counter counter = {.units = UINT32_MAX, .nano = 0};
    assert_int_equal(counter_add_nano(&counter, NANO_PER_UNIT), 1);
    assert_int_equal(counter.units, 0);
    counter.units = UINT32_MAX - 4;
    assert_int_equal(counter_add_pulses(&counter, 1, 10, 0), 10);
    assert_int_equal(counter.units, 5);
}

static void pulses_with_thousandths_add_up_exactly(void **state)
{
    (void)state;
    struct counter counter = {0};
    for (int i = 0; i < 1000; i++) {
        counter_add_pulses(&counter, 1, 2, 333);
    }
    assert_int_equal(counter.units, 2333);
    assert_int_equal(counter.nano, 0);
    counter_add_pulses(&counter, 255, 65535, 999);
    assert_int_equal(counter.units, 2333 + 255 * 65535 + 254);
    assert_int_equal(counter.nano, 745000000);
}

static void full_scale_is_11500_w_at_step_928(void **state) // the original's rating: 50 A at 230 V
{
    (void)state;
    const struct readings readings = {.sum = 928UL * CLAMP_HZ, .samples = CLAMP_HZ};
    assert_int_equal(clamp_watts(&readings, METERCONST_DEFAULT), 11501); // 928 x 5508 x 0.00225 = 11500.7
}

static void energy_and_power_agree(void **state)
{
    (void)state;
    for (uint32_t step = 1; step <= 1023; step += 73) {
        const struct readings readings = {.sum = step * CLAMP_HZ, .samples = CLAMP_HZ};
        const uint64_t nano = clamp_energy(&readings, METERCONST_DEFAULT);
        const uint32_t watts = clamp_watts(&readings, METERCONST_DEFAULT);
        assert_true(nano * 3600 <= (watts * 2ULL + 1) * (NANO_PER_UNIT / 2));
        assert_true(nano * 3600 + NANO_PER_UNIT / 2 >= (uint64_t)watts * NANO_PER_UNIT);
    }
}

static void the_largest_readings_and_constants_do_not_overflow(void **state)
{
    (void)state;
    const struct readings readings = {.sum = 65535UL * 1023, .samples = 65535};
    assert_true(clamp_energy(&readings, UINT16_MAX) == 65535ULL * 1023 * 65535 / 2);
    assert_int_equal(clamp_watts(&readings, UINT16_MAX), 150845); // 1023 x 65535 x 9 / 4000 = 150845.2
    assert_false(clamp_creeps(&readings));
}

static void power_without_samples_is_zero(void **state)
{
    (void)state;
    const struct readings readings = {0};
    assert_int_equal(clamp_watts(&readings, METERCONST_DEFAULT), 0);
}

static void below_one_step_a_clamp_creeps(void **state)
{
    (void)state;
    struct readings readings = {.sum = 124, .samples = 125};
    assert_true(clamp_creeps(&readings));
    readings.sum = 125;
    assert_false(clamp_creeps(&readings));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_billion_billionths_are_one_unit),
        cmocka_unit_test(counters_wrap_at_32_bits),
        cmocka_unit_test(pulses_with_thousandths_add_up_exactly),
        cmocka_unit_test(full_scale_is_11500_w_at_step_928),
        cmocka_unit_test(energy_and_power_agree),
        cmocka_unit_test(the_largest_readings_and_constants_do_not_overflow),
        cmocka_unit_test(power_without_samples_is_zero),
        cmocka_unit_test(below_one_step_a_clamp_creeps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
