#include "cmocka_tests.h"
#include "pulse.h"

// Feeds a text of levels, '1' open and '0' closed; how many pulses it counts.
static int feed(struct pulse_input *input, const char *levels)
{
    int pulses = 0;
    for (; *levels; levels++) {
        pulses += pulse_sample(input, *levels == '1');
    }
    return pulses;
}

static void samples_for_a_time(void **state)
{
    (void)state;
    assert_int_equal(pulse_samples(3, 2500), 8); // 7.5: never less than the time asked for
    assert_int_equal(pulse_samples(2, 2500), 5);
    assert_int_equal(pulse_samples(0, 2500), 1);
    assert_int_equal(pulse_samples(1000, 2500), 255);
    assert_int_equal(pulse_samples(65535, 65535), 255);
}

static void a_clean_pulse_counts_once_at_its_falling_edge(void **state)
{
    (void)state;
    struct pulse_input input = {.samples = 3};
    pulse_start(&input, true);
    assert_int_equal(feed(&input, "1100"), 0);
    assert_int_equal(feed(&input, "0"), 1);
    assert_int_equal(feed(&input, "000000111111111"), 0);
    assert_int_equal(feed(&input, "000111000111"), 2);
}

static void bounce_at_both_edges_counts_nothing_more(void **state)
{
    (void)state;
    struct pulse_input input = {.samples = 3};
    pulse_start(&input, true);
    assert_int_equal(feed(&input, "110100100000101101110111"), 1);
    assert_int_equal(feed(&input, "0101000100111011000111"), 2);
}

static void a_spike_shorter_than_the_debounce_time_counts_nothing(void **state)
{
    (void)state;
    struct pulse_input input = {.samples = 3};
    pulse_start(&input, true);
    assert_int_equal(feed(&input, "1001110011011001"), 0);
}

static void an_opening_too_short_does_not_split_a_pulse(void **state)
{
    (void)state;
    struct pulse_input input = {.samples = 3};
    pulse_start(&input, true);
    assert_int_equal(feed(&input, "000011000110000"), 1);
}

static void a_contact_closed_at_the_start_counts_after_it_has_opened(void **state)
{
    (void)state;
    struct pulse_input input = {.samples = 3};
    pulse_start(&input, false);
    assert_int_equal(feed(&input, "00000000"), 0);
    assert_int_equal(feed(&input, "111000"), 1);
    pulse_start(&input, false);
    assert_int_equal(feed(&input, "1111000"), 1);
}

static void one_sample_is_enough_when_asked_for(void **state)
{
    (void)state;
    struct pulse_input input = {.samples = 1};
    pulse_start(&input, true);
    assert_int_equal(feed(&input, "010101"), 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(samples_for_a_time),
        cmocka_unit_test(a_clean_pulse_counts_once_at_its_falling_edge),
        cmocka_unit_test(bounce_at_both_edges_counts_nothing_more),
        cmocka_unit_test(a_spike_shorter_than_the_debounce_time_counts_nothing),
        cmocka_unit_test(an_opening_too_short_does_not_split_a_pulse),
        cmocka_unit_test(a_contact_closed_at_the_start_counts_after_it_has_opened),
        cmocka_unit_test(one_sample_is_enough_when_asked_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
