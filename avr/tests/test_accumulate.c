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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_billion_billionths_are_one_unit),
        cmocka_unit_test(counters_wrap_at_32_bits),
        cmocka_unit_test(pulses_with_thousandths_add_up_exactly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
