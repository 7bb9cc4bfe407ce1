#include "checkpoint.h"
#include "cmocka_tests.h"

#define MAIN 0
#define RESERVE (1UL << RESERVE_SMALLEST)

static struct checkpoint checkpoint;
static struct survivor life;
static struct counter_record record; // the newest one

static uint32_t *const units = &life.counter[MAIN].units;

static void save(bool exact)
{
    checkpoint_record(&checkpoint, &life, exact, &record);
    checkpoint_durable(&checkpoint, &record);
}

static bool due(void)
{
    return checkpoint_due(&checkpoint, &life, &record);
}

static bool may_send(uint32_t counter)
{
    struct survivor with = life;
    with.counter[MAIN].units = counter;
    return checkpoint_may_send(&checkpoint, &with, MAIN);
}

// A power-up with the newest record.
static bool start_again(void)
{
    checkpoint_restore(&checkpoint, &record);
    return checkpoint_begin_life(&checkpoint, &record, &life);
}

static void start_fresh(uint32_t counter)
{
    memset(&record, 0, sizeof record);
    record.units[MAIN] = counter;
    assert_false(start_again());
}

static void nothing_above_the_ceiling_is_sent(void **state)
{
    (void)state;
    start_fresh(100);
    assert_true(may_send(100));
    assert_false(may_send(101)); // no record vouches for it yet
    *units = 101;
    assert_true(due());
    save(false);
    assert_true(may_send(101));
    assert_true(may_send(checkpoint.ceiling[MAIN]));
    assert_false(may_send(checkpoint.ceiling[MAIN] + 1));
}

static void a_record_on_its_way_does_not_count_yet(void **state)
{
    (void)state;
    start_fresh(100);
    *units = 101;
    checkpoint_record(&checkpoint, &life, false, &record);
    assert_false(may_send(101));
    checkpoint_durable(&checkpoint, &record);
    assert_true(may_send(101));
}

static void without_counting_nothing_is_ever_due(void **state)
{
    (void)state;
    start_fresh(100);
    save(false);
    for (int i = 0; i < 200000; i++) {
        checkpoint_second(&checkpoint);
    }
    assert_false(due());
}

static void the_interval_makes_a_record_due(void **state)
{
    (void)state;
    start_fresh(100);
    *units = 101;
    save(false);
    *units = 102;
    for (unsigned i = 0; i < CHECKPOINT_S - 1; i++) {
        checkpoint_second(&checkpoint);
        assert_false(due());
    }
    checkpoint_second(&checkpoint);
    assert_true(due());
}

static void a_record_is_due_before_the_ceiling_holds_a_line_back(void **state)
{
    (void)state;
    start_fresh(100);
    *units = 101;
    for (unsigned i = 0; i < CHECKPOINT_S; i++) {
        checkpoint_second(&checkpoint);
    }
    save(false);
    while (!due()) {
        ++*units;
        assert_true(may_send(*units));
    }
    assert_int_equal(*units, 101 + RESERVE - RESERVE / 4);
}

static void the_reserve_follows_the_rate(void **state)
{
    (void)state;
    start_fresh(100);
    *units = 200;
    for (unsigned i = 0; i < CHECKPOINT_S / 10U; i++) {
        checkpoint_second(&checkpoint);
    }
    save(false); // 100 in a tenth of the interval: 1000 in the next one, to a power of two
    assert_int_equal(1UL << record_reserve(&record, MAIN), 1024);
    assert_int_equal(record_reserve(&record, 1), RESERVE_SMALLEST);
}

static void a_cut_without_warning_holds_back_until_past_what_may_have_been_sent(void **state)
{
    (void)state;
    start_fresh(100);
    *units = 101;
    for (unsigned i = 0; i < CHECKPOINT_S; i++) {
        checkpoint_second(&checkpoint);
    }
    save(false);
    uint32_t sent = 0;
    while (may_send(*units)) {
        sent = (*units)++;
    }
    (void)start_again(); // the cut
    assert_int_equal(*units, 101);
    while (!may_send(*units)) {
        ++*units;
        if (due()) {
            save(false);
        }
    }
    assert_true(*units >= sent);
    assert_int_equal(*units, 101 + RESERVE);
}

static void a_second_cut_while_holding_back_keeps_the_promise(void **state)
{
    (void)state;
    start_fresh(100);
    *units = 101;
    save(false);
    const uint32_t may_have_been_sent = checkpoint.ceiling[MAIN];
    for (int cuts = 0; cuts < 20; cuts++) {
        (void)start_again();
        *units += 1;
        save(cuts % 2 == 0); // a checkpoint or a warned cut in the middle of holding back
        (void)start_again();
        assert_true(life.floor[MAIN] >= may_have_been_sent);
    }
}

static void an_exact_record_resumes_at_once(void **state)
{
    (void)state;
    start_fresh(100);
    *units = 150;
    life.counter[MAIN].nano = 123456789;
    save(false);
    *units = 155;
    save(true);
    assert_int_equal(record_reserve(&record, MAIN), 0);
    assert_int_equal(record_milli(&record, MAIN), 123);
    (void)start_again();
    assert_true(may_send(155));
    assert_int_equal(due(), LINK_SPI); // thousandths are told there, and want a reserve at once
    *units = 156;
    assert_true(due());
    save(false);
    assert_true(may_send(156));
}

static void it_all_works_across_the_wrap_of_the_counter(void **state) // trap 10
{
    (void)state;
    start_fresh(UINT32_MAX - 3);
    *units = UINT32_MAX - 2;
    assert_true(due());
    save(false);
    for (int i = 0; i < 8; i++) {
        assert_true(may_send(*units));
        ++*units;
    }
    assert_int_equal(*units, 5);
    assert_false(may_send(UINT32_MAX - 4)); // below the floor
}

static void a_sudden_jump_gives_the_largest_reserve_without_overflow(void **state)
{
    (void)state;
    start_fresh(0);
    *units = 0x7FFFFFFF;
    save(false);
    assert_true(record_reserve(&record, MAIN) <= 31);
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
