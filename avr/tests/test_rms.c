#include <math.h>

#include "cmocka_tests.h"
#include "rms.h"

#define RATE 2667U
#define BLOCK 800U // samples: fifteen cycles

// One second of a sine as the interrupt would gather it: amplitude and bias in steps, both from RMS_CENTRE.
static void gather(double amplitude, double bias, uint16_t samples, uint32_t *squares, int32_t *sum)
{
    *squares = 0;
    *sum = 0;
    for (uint16_t i = 0; i < samples; i++) {
        const double step = bias + amplitude * sin(2 * 3.14159265358979 * 50.0 * i / RATE);
        const int16_t sample = (int16_t)floor(step + 0.5);
        *squares += rms_square(sample);
        *sum += sample;
    }
}

static void every_sample_has_its_square(void **state)
{
    (void)state;
    for (int16_t sample = -1023; sample <= 1023; sample++) {
        assert_int_equal(rms_square(sample), (uint32_t)(sample * sample));
    }
}

static void full_scale_fits(void **state)
{
    (void)state;
    // A stuck or saturated ADC: every sample at the end of the range.
    uint32_t squares = 0;
    int32_t sum = 0;
    for (uint16_t i = 0; i < RMS_SAMPLES_MOST; i++) {
        squares += rms_square(-512);
        sum -= 512;
    }
    assert_int_equal(squares, 512UL * 512 * RMS_SAMPLES_MOST);
    assert_int_equal(rms_sum256(squares, sum, RMS_SAMPLES_MOST, 0, 0), 512UL * 256 * RMS_SAMPLES_MOST);
    assert_int_equal(rms_sum256(squares, sum, RMS_SAMPLES_MOST, -512 * 256, 0), 0); // all of it is offset
    assert_int_equal(rms_sum256(squares, sum, RMS_SAMPLES_MOST, 511 * 256, 0), 1023UL * 256 * RMS_SAMPLES_MOST);
    assert_int_equal(rms_sum256(squares, -sum, RMS_SAMPLES_MOST, -512 * 256, 0), 1024UL * 256 * RMS_SAMPLES_MOST);
}

static void a_sine_has_its_rms_whatever_the_bias(void **state)
{
    (void)state;
    const double amplitudes[] = {47, 140, 467};
    for (unsigned a = 0; a < sizeof amplitudes / sizeof *amplitudes; a++) {
        for (double bias = -20; bias <= 20; bias += 6.3) {
            uint32_t squares;
            int32_t sum;
            gather(amplitudes[a], bias, BLOCK, &squares, &sum);
            const double rms = rms_sum256(squares, sum, BLOCK, (int32_t)lround(bias * 256), 21) / 256.0 / BLOCK;
            const double wanted = amplitudes[a] / sqrt(2);
            assert_true(fabs(rms - wanted) < 0.002 * wanted);
        }
    }
}

static void the_noise_floor_is_taken_off_and_never_below_zero(void **state)
{
    (void)state;
    // Mean square 9 + 7 of noise: what is left is 3.
    assert_int_equal(rms_sum256(16 * 100, 0, 100, 0, 7 * 256), 3UL * 256 * 100);
    assert_int_equal(rms_sum256(16 * 100, 0, 100, 0, 16 * 256), 0);
    assert_int_equal(rms_sum256(16 * 100, 0, 100, 0, UINT16_MAX), 0);
    assert_int_equal(rms_sum256(0, 0, BLOCK, 0, UINT16_MAX), 0);
}

static void the_first_block_sets_the_offset(void **state)
{
    (void)state;
    struct offset offset = {0};
    offset_track(&offset, -13 * 267, 267);
    assert_int_equal(offset_steps256(&offset), -13 * 256);
}

static void a_step_of_the_offset_is_followed_with_its_time_constant(void **state)
{
    (void)state;
    struct offset offset = {0};
    for (int i = 0; i < 600; i++) {
        offset_track(&offset, 10 * 267, 267);
    }
    assert_int_equal(offset_steps256(&offset), 10 * 256);
    for (int block = 1; block <= 640; block++) {
        offset_track(&offset, 20 * 267, 267);
        const double wanted = 20 - 10 * pow(63.0 / 64.0, block);
        assert_true(fabs(offset_steps256(&offset) / 256.0 - wanted) < 0.02);
    }
    assert_in_range(offset_steps256(&offset), 20 * 256 - 4, 20 * 256);
}

static void the_offset_follows_from_one_end_of_the_range_to_the_other(void **state)
{
    (void)state;
    struct offset offset = {0};
    offset_track(&offset, -512L * (int32_t)RMS_SAMPLES_MOST, RMS_SAMPLES_MOST);
    assert_int_equal(offset_steps256(&offset), -512 * 256);
    for (int i = 0; i < 2000; i++) {
        offset_track(&offset, 511L * (int32_t)RMS_SAMPLES_MOST, RMS_SAMPLES_MOST);
    }
    assert_in_range(offset_steps256(&offset), 511 * 256 - 2, 511 * 256);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_sample_has_its_square),
        cmocka_unit_test(full_scale_fits),
        cmocka_unit_test(a_sine_has_its_rms_whatever_the_bias),
        cmocka_unit_test(the_noise_floor_is_taken_off_and_never_below_zero),
        cmocka_unit_test(the_first_block_sets_the_offset),
        cmocka_unit_test(a_step_of_the_offset_is_followed_with_its_time_constant),
        cmocka_unit_test(the_offset_follows_from_one_end_of_the_range_to_the_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
