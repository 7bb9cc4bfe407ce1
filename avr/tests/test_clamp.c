#include "accumulate.h"
#include "clamp.h"
#include "cmocka_tests.h"

#define BLOCK_SAMPLES (BLOCK_TICKS / CLAMP_COUNT)
#define WATTS(step) ((uint32_t)((step) * METERCONST_DEFAULT * 9.0 / METERCONST_DIVISOR + 0.5))

static const struct calibration plain = {0};

// Readings whose mean (or RMS) is `step`.
static struct readings steady(double step, uint16_t samples)
{
#if FRONT_END == FRONT_END_RMS
    return (struct readings){.sum = 0, .squares = (uint32_t)(step * step * samples + 0.5), .samples = samples};
#else
    return (struct readings){.sum = (uint32_t)(step * samples + 0.5), .samples = samples};
#endif
}

static void ten_blocks_are_a_second_of_power_and_of_energy(void **state)
{
    (void)state;
    for (double step = 2; step <= 480; step += 7) {
        struct clamp clamp = {0};
        const struct readings readings = steady(step, BLOCK_SAMPLES);
        double nano = 0;
        for (int i = 0; i < 10; i++) {
            nano += (double)clamp_block(&clamp, &readings, METERCONST_DEFAULT, &plain);
        }
        const double seconds = 10.0 * BLOCK_SAMPLES * CLAMP_COUNT / TICK_HZ;
        const double wanted = step * METERCONST_DEFAULT * 9.0 / METERCONST_DIVISOR;
        assert_in_range(nano, wanted * 0.9995 * seconds * 1e9 / 3600, wanted * 1.0005 * seconds * 1e9 / 3600);
        const uint32_t watts = clamp_second(&clamp, METERCONST_DEFAULT, &plain);
        assert_in_range(watts, WATTS(step) - 1 - WATTS(step) / 2000, WATTS(step) + 1 + WATTS(step) / 2000);
        assert_int_equal(clamp_second(&clamp, METERCONST_DEFAULT, &plain), 0); // taken
    }
}

static void the_largest_readings_and_constants_do_not_overflow(void **state)
{
    (void)state;
    const struct calibration most = {.trim = INT16_MAX};
    const struct calibration least = {.trim = INT16_MIN};
    const double step = FRONT_END == FRONT_END_RMS ? 512 : 1023;
    const struct readings readings = steady(step, BLOCK_SAMPLES);
    const double full = step * 65535 * 9.0 / METERCONST_DIVISOR;
    for (int high = 0; high < 2; high++) {
        struct clamp clamp = {0};
        double nano = 0;
        for (int i = 0; i < 10; i++) {
            nano += (double)clamp_block(&clamp, &readings, UINT16_MAX, high ? &most : &least);
        }
        const double wanted = full * (high ? 1.5 : 0.5);
        const double seconds = 10.0 * BLOCK_SAMPLES * CLAMP_COUNT / TICK_HZ;
        assert_in_range(nano, wanted * 0.999 * seconds * 1e9 / 3600, wanted * 1.001 * seconds * 1e9 / 3600);
        assert_in_range(clamp_second(&clamp, UINT16_MAX, high ? &most : &least), wanted * 0.999, wanted * 1.001);
    }
}

static void the_trim_multiplies(void **state)
{
    (void)state;
    struct clamp clamp = {0};
    const struct calibration two_percent = {.trim = 1311};
    const struct readings readings = steady(300, BLOCK_SAMPLES);
    const double plain_nano = (double)clamp_block(&clamp, &readings, METERCONST_DEFAULT, &plain);
    const double nano = (double)clamp_block(&clamp, &readings, METERCONST_DEFAULT, &two_percent);
    assert_in_range(nano * 1e6 / plain_nano, 1020000 - 20, 1020000 + 20);
}

#if FRONT_END == FRONT_END_MEAN
static void the_rectifiers_offset_is_taken_off(void **state)
{
    (void)state;
    struct clamp clamp = {0};
    const struct calibration offset = {.floor256 = 476}; // 1.86 steps: 2 mV
    struct readings readings = steady(1.9, BLOCK_SAMPLES);
    assert_int_equal(clamp_block(&clamp, &readings, METERCONST_DEFAULT, &offset), 0);
    readings = steady(1, BLOCK_SAMPLES); // below the offset
    assert_int_equal(clamp_block(&clamp, &readings, METERCONST_DEFAULT, &offset), 0);
    const struct readings without = steady(300, BLOCK_SAMPLES), with = steady(300 + 476 / 256.0, BLOCK_SAMPLES);
    const double wanted = (double)clamp_block(&clamp, &without, METERCONST_DEFAULT, &plain);
    assert_in_range((double)clamp_block(&clamp, &with, METERCONST_DEFAULT, &offset), wanted * 0.99995, wanted * 1.00005);
}
#endif

static void below_the_creep_threshold_nothing_counts(void **state)
{
    (void)state;
    struct clamp clamp = {0};
    struct readings readings = steady(CREEP_SIXTEENTHS / 16.0 * 0.98, BLOCK_SAMPLES);
    assert_int_equal(clamp_block(&clamp, &readings, METERCONST_DEFAULT, &plain), 0);
    assert_int_equal(clamp_second(&clamp, METERCONST_DEFAULT, &plain), 0);
    readings = steady(CREEP_SIXTEENTHS / 16.0 * 1.02, BLOCK_SAMPLES);
    assert_true(clamp_block(&clamp, &readings, METERCONST_DEFAULT, &plain) > 0);
    assert_true(clamp_second(&clamp, METERCONST_DEFAULT, &plain) > 0);
}

static void without_samples_there_is_nothing(void **state)
{
    (void)state;
    struct clamp clamp = {0};
    const struct readings none = {0};
    assert_int_equal(clamp_block(&clamp, &none, METERCONST_DEFAULT, &plain), 0);
    assert_int_equal(clamp_second(&clamp, METERCONST_DEFAULT, &plain), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ten_blocks_are_a_second_of_power_and_of_energy),
        cmocka_unit_test(the_largest_readings_and_constants_do_not_overflow),
        cmocka_unit_test(the_trim_multiplies),
#if FRONT_END == FRONT_END_MEAN
        cmocka_unit_test(the_rectifiers_offset_is_taken_off),
#endif
        cmocka_unit_test(below_the_creep_threshold_nothing_counts),
        cmocka_unit_test(without_samples_there_is_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
