#include "checkpoint.h"
#include "cmocka_tests.h"

#define MAIN 0
#define RESERVE (1UL << RESERVE_SMALLEST)

static struct checkpoint checkpoint;
static struct counter counters[SENSOR_COUNT];

static struct counter_record save(bool exact)
{
    struct counter_record record;
    memset(&record, 0, sizeof record);
    checkpoint_record(&checkpoint, counters, exact, &record);
    checkpoint_durable(&checkpoint);
    return record;
}

static void start_from(const struct counter_record *record)
{
    checkpoint_restore(&checkpoint, record);
    for (uint8_t i = 0; i < SENSOR_COUNT; i++) {
        counters[i].units = record->units[i];
        counters[i].nano = record->milli[i] * NANO_PER_MILLI;
    }
}

static void start_fresh(uint32_t units)
{
    struct counter_record record;
    memset(&record, 0, sizeof record);
    record.units[MAIN] = units;
    start_from(&record);
}

static void nothing_above_the_ceiling_is_sent(void **state)
{
    (void)state;
    start_fresh(100);
    assert_true(checkpoint_may_send(&checkpoint, MAIN, 100));
    assert_false(checkpoint_may_send(&checkpoint, MAIN, 101)); // no record vouches for it yet
    counters[MAIN].units = 101;
    assert_true(checkpoint_due(&checkpoint, counters));
    save(false);
    assert_true(checkpoint_may_send(&checkpoint, MAIN, 101));
    assert_true(checkpoint_may_send(&checkpoint, MAIN, checkpoint.ceiling[MAIN]));
    assert_false(checkpoint_may_send(&checkpoint, MAIN, checkpoint.ceiling[MAIN] + 1));
}

static void a_record_on_its_way_does_not_count_yet(void **state)
{
    (void)state;
    start_fresh(100);
    counters[MAIN].units = 101;
    struct counter_record record;
    checkpoint_record(&checkpoint, counters, false, &record);
    assert_false(checkpoint_may_send(&checkpoint, MAIN, 101));
    checkpoint_durable(&checkpoint);
    assert_true(checkpoint_may_send(&checkpoint, MAIN, 101));
}

static void without_counting_nothing_is_ever_due(void **state)
{
    (void)state;
    start_fresh(100);
    for (int i = 0; i < 200000; i++) {
        checkpoint_second(&checkpoint);
    }
    assert_false(checkpoint_due(&checkpoint, counters));
}

static void the_interval_makes_a_record_due(void **state)
{
    (void)state;
    start_fresh(100);
    counters[MAIN].units = 101;
    save(false);
    counters[MAIN].units = 102;
    for (unsigned i = 0; i < CHECKPOINT_S - 1; i++) {
        checkpoint_second(&checkpoint);
        assert_false(checkpoint_due(&checkpoint, counters));
    }
    checkpoint_second(&checkpoint);
    assert_true(checkpoint_due(&checkpoint, counters));
}

static void a_record_is_due_before_the_ceiling_holds_a_line_back(void **state)
{
    (void)state;
    start_fresh(100);
    counters[MAIN].units = 101;
    for (unsigned i = 0; i < CHECKPOINT_S; i++) {
        checkpoint_second(&checkpoint);
    }
    save(false);
    while (!checkpoint_due(&checkpoint, counters)) {
        counters[MAIN].units++;
        assert_true(checkpoint_may_send(&checkpoint, MAIN, counters[MAIN].units));
    }
    assert_int_equal(counters[MAIN].units, 101 + RESERVE - RESERVE / 4);
}

static void the_reserve_follows_the_rate(void **state)
{
    (void)state;
    start_fresh(100);
    counters[MAIN].units = 200;
    for (unsigned i = 0; i < CHECKPOINT_S / 10U; i++) {
        checkpoint_second(&checkpoint);
    }
    const struct counter_record record = save(false); // 100 in a tenth of the interval: 1000 in the next one, to a power of two
    assert_int_equal(1UL << record.reserve[MAIN], 1024);
    assert_int_equal(record.reserve[1], RESERVE_SMALLEST);
}

static void a_cut_without_warning_holds_back_until_past_what_may_have_been_sent(void **state)
{
    (void)state;
    start_fresh(100);
    counters[MAIN].units = 101;
    for (unsigned i = 0; i < CHECKPOINT_S; i++) {
        checkpoint_second(&checkpoint);
    }
    const struct counter_record record = save(false);
    uint32_t sent = 0;
    while (checkpoint_may_send(&checkpoint, MAIN, counters[MAIN].units)) {
        sent = counters[MAIN].units++;
    }
    start_from(&record); // the cut
    assert_int_equal(counters[MAIN].units, 101);
    while (!checkpoint_may_send(&checkpoint, MAIN, counters[MAIN].units)) {
        counters[MAIN].units++;
        if (checkpoint_due(&checkpoint, counters)) {
            save(false);
        }
    }
    assert_true(counters[MAIN].units >= sent);
    assert_int_equal(counters[MAIN].units, 101 + RESERVE);
}

static void a_second_cut_while_holding_back_keeps_the_promise(void **state)
{
    (void)state;
    start_fresh(100);
    counters[MAIN].units = 101;
    struct counter_record record = save(false);
    const uint32_t may_have_been_sent = checkpoint.ceiling[MAIN];
    for (int cuts = 0; cuts < 20; cuts++) {
        start_from(&record);
        counters[MAIN].units += 1;
        record = save(cuts % 2 == 0); // a checkpoint or a warned cut in the middle of holding back
        struct checkpoint next;
        checkpoint_restore(&next, &record);
        assert_true(next.floor[MAIN] >= may_have_been_sent);
    }
}

static void an_exact_record_resumes_at_once(void **state)
{
    (void)state;
    start_fresh(100);
    counters[MAIN].units = 150;
    counters[MAIN].nano = 123456789;
    save(false);
    counters[MAIN].units = 155;
    const struct counter_record record = save(true);
    assert_int_equal(record.reserve[MAIN], 0);
    assert_int_equal(record.milli[MAIN], 123);
    start_from(&record);
    assert_true(checkpoint_may_send(&checkpoint, MAIN, 155));
    assert_false(checkpoint_due(&checkpoint, counters));
    counters[MAIN].units = 156;
    assert_true(checkpoint_due(&checkpoint, counters));
    save(false);
    assert_true(checkpoint_may_send(&checkpoint, MAIN, 156));
}

static void it_all_works_across_the_wrap_of_the_counter(void **state) // trap 10
{
    (void)state;
    start_fresh(UINT32_MAX - 3);
    counters[MAIN].units = UINT32_MAX - 2;
    assert_true(checkpoint_due(&checkpoint, counters));
    save(false);
    for (int i = 0; i < 8; i++) {
        assert_true(checkpoint_may_send(&checkpoint, MAIN, counters[MAIN].units));
        counters[MAIN].units++;
    }
    assert_int_equal(counters[MAIN].units, 5);
    assert_false(checkpoint_may_send(&checkpoint, MAIN, UINT32_MAX - 4)); // below the floor
}

static void a_sudden_jump_gives_the_largest_reserve_without_overflow(void **state)
{
    (void)state;
    start_fresh(0);
    counters[MAIN].units = 0x7FFFFFFF;
    const struct counter_record record = save(false);
    assert_true(record.reserve[MAIN] <= 31);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_above_the_ceiling_is_sent),
        cmocka_unit_test(a_record_on_its_way_does_not_count_yet),
        cmocka_unit_test(without_counting_nothing_is_ever_due),
        cmocka_unit_test(the_interval_makes_a_record_due),
        cmocka_unit_test(a_record_is_due_before_the_ceiling_holds_a_line_back),
        cmocka_unit_test(the_reserve_follows_the_rate),
        cmocka_unit_test(a_cut_without_warning_holds_back_until_past_what_may_have_been_sent),
        cmocka_unit_test(a_second_cut_while_holding_back_keeps_the_promise),
        cmocka_unit_test(an_exact_record_resumes_at_once),
        cmocka_unit_test(it_all_works_across_the_wrap_of_the_counter),
        cmocka_unit_test(a_sudden_jump_gives_the_largest_reserve_without_overflow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
