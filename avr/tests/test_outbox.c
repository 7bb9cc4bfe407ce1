#include "cmocka_tests.h"
#include "outbox.h"

static void assert_item(struct outbox_item item, uint8_t kind, uint8_t index)
{
    assert_int_equal(item.kind, kind);
    assert_int_equal(item.index, index);
}

static void messages_then_powers_then_counters(void **state)
{
    (void)state;
    struct outbox outbox = {.messages = 0x02, .powers = 0x03, .counters = 0x0C};
    assert_item(outbox_take(&outbox, 0xFF), OUTBOX_MESSAGE, 1);
    assert_item(outbox_take(&outbox, 0xFF), OUTBOX_POWER, 0);
    assert_item(outbox_take(&outbox, 0xFF), OUTBOX_POWER, 1);
    assert_item(outbox_take(&outbox, 0xFF), OUTBOX_COUNTER, 2);
    assert_item(outbox_take(&outbox, 0xFF), OUTBOX_COUNTER, 3);
    assert_item(outbox_take(&outbox, 0xFF), OUTBOX_NOTHING, 0);
}

static void a_busy_counter_starves_no_other(void **state)
{
    (void)state;
    struct outbox outbox = {0};
    int taken[4] = {0};
    for (int i = 0; i < 400; i++) {
        outbox.counters |= 0x0F; // all are due again at once
        const struct outbox_item item = outbox_take(&outbox, 0xFF);
        assert_int_equal(item.kind, OUTBOX_COUNTER);
        taken[item.index]++;
    }
    for (int i = 0; i < 4; i++) {
        assert_int_equal(taken[i], 100);
    }
}

static void a_counter_that_may_not_be_sent_stays_due(void **state)
{
    (void)state;
    struct outbox outbox = {.counters = 0x05};
    assert_item(outbox_take(&outbox, 0x0E), OUTBOX_COUNTER, 2);
    assert_item(outbox_take(&outbox, 0x0E), OUTBOX_NOTHING, 0);
    assert_item(outbox_take(&outbox, 0x0F), OUTBOX_COUNTER, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_then_powers_then_counters),
        cmocka_unit_test(a_busy_counter_starves_no_other),
        cmocka_unit_test(a_counter_that_may_not_be_sent_stays_due),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
