#include "cmocka_tests.h"
#include "counter_log.h"
#include "eeprom_array.h"

static struct counter_record record_of(uint32_t base)
{
    struct counter_record record = {.watchdogs = (uint16_t)(base * 7U), .brown_outs = (uint16_t)(base * 3U)};
    for (uint8_t i = 0; i < SENSOR_COUNT; i++) {
        record.units[i] = base + i;
        record_set_milli_reserve(&record, i, (uint16_t)((base + 17U * i) % 1000U), (uint8_t)((base + i) % 32U));
    }
    return record;
}

static void assert_record(const struct counter_record *record, uint32_t base)
{
    const struct counter_record expected = record_of(base);
    for (uint8_t i = 0; i < SENSOR_COUNT; i++) {
        assert_int_equal(record->units[i], expected.units[i]);
        assert_int_equal(record_milli(record, i), record_milli(&expected, i));
        assert_int_equal(record_reserve(record, i), record_reserve(&expected, i));
    }
    assert_int_equal(record->watchdogs, expected.watchdogs);
    assert_int_equal(record->brown_outs, expected.brown_outs);
}

static void begin(struct counter_log *log, uint32_t base)
{
    const uint8_t sequence = log->record.sequence;
    log->record = record_of(base);
    log->record.sequence = sequence;
    counter_log_begin(log);
}

static void save(struct counter_log *log, uint32_t base)
{
    begin(log, base);
    assert_true(counter_log_writing(log));
    assert_true(eeprom_work(log, 0, 0));
    assert_false(counter_log_writing(log));
}

static int good_records(void)
{
    int good = 0;
    for (uint8_t slot = 0; slot < LOG_SLOTS; slot++) {
        uint8_t kept[EEPROM_BYTES];
        memcpy(kept, eeprom_array, sizeof kept);
        for (uint8_t other = 0; other < LOG_SLOTS; other++) {
            if (other != slot) {
                memset(eeprom_array + LOG_START + other * LOG_RECORD_BYTES, 0xFF, LOG_RECORD_BYTES);
            }
        }
        struct counter_log log;
        good += counter_log_open(&log);
        memcpy(eeprom_array, kept, sizeof kept);
    }
    return good;
}

static void an_empty_eeprom_has_no_record(void **state)
{
    (void)state;
    struct counter_log log;
    eeprom_array_erase();
    assert_false(counter_log_open(&log));
    assert_int_equal(log.record.units[0], 0);
    assert_int_equal(counter_log_step(&log).action, EEPROM_NOTHING);
    memset(eeprom_array, 0, sizeof eeprom_array);
    assert_false(counter_log_open(&log));
}

static void the_newest_record_is_found_over_many_laps(void **state)
{
    (void)state;
    struct counter_log log;
    eeprom_array_erase();
    assert_false(counter_log_open(&log));
    for (uint32_t base = 1; base < 700; base++) { // sequence numbers wrap at 256
        save(&log, base);
        struct counter_log again;
        assert_true(counter_log_open(&again));
        assert_record(&again.record, base);
        assert_int_equal(again.durable_sequence, log.durable_sequence);
    }
    assert_true(good_records() >= (int)LOG_SLOTS - 3);
}

static void other_parts_of_the_eeprom_stay_untouched(void **state)
{
    (void)state;
    struct counter_log log;
    eeprom_array_erase();
    memset(eeprom_array, 0x5A, LOG_START);
    (void)counter_log_open(&log);
    for (uint32_t base = 1; base < 60; base++) {
        save(&log, base);
    }
    for (uint16_t i = 0; i < LOG_START; i++) {
        assert_int_equal(eeprom_array[i], 0x5A);
    }
    for (uint16_t i = LOG_START + LOG_SLOTS * LOG_RECORD_BYTES; i < EEPROM_BYTES; i++) {
        assert_int_equal(eeprom_array[i], 0xFF);
    }
}

static void wear_is_spread_evenly(void **state)
{
    (void)state;
    struct counter_log log;
    eeprom_array_erase();
    (void)counter_log_open(&log);
    static uint32_t writes[EEPROM_BYTES];
    memset(writes, 0, sizeof writes);
    const uint32_t saves = 100 * LOG_SLOTS;
    for (uint32_t base = 1; base <= saves; base++) {
        begin(&log, base);
        for (;;) {
            const struct eeprom_step step = counter_log_step(&log);
            if (step.action == EEPROM_NOTHING) {
                break;
            }
            writes[step.address] += step.action != EEPROM_ERASE;
            eeprom_apply(step);
        }
    }
    for (uint16_t i = 0; i < EEPROM_BYTES; i++) {
        assert_true(writes[i] <= saves / LOG_SLOTS + 1); // each slot once a lap
    }
}

// Cuts a save after every single operation, with different remains of the torn byte, then looks what a restart finds.
static void a_cut_at_any_byte_leaves_the_old_or_the_new_record(void **state)
{
    (void)state;
    static const uint8_t remains[] = {0x00, 0xFF, 0x55, 0xA3};
    for (uint32_t start = 1; start <= 2 * LOG_SLOTS; start++) {
        for (size_t torn = 0; torn < sizeof remains; torn++) {
            for (uint32_t cut = 1;; cut++) {
                struct counter_log log;
                        eeprom_array_erase();
                (void)counter_log_open(&log);
                for (uint32_t base = 1; base <= start; base++) {
                    save(&log, base);
                }
                begin(&log, start + 1);
                const bool complete = eeprom_work(&log, cut, remains[torn]);
                const bool durable = !counter_log_writing(&log);
                struct counter_log again;
                assert_true(counter_log_open(&again));
                if (durable) {
                    assert_record(&again.record, start + 1);
                } else if (again.record.units[0] != start + 1) { // the remains may happen to be what was to be written
                    assert_record(&again.record, start);
                }
                // And the next life goes on from there, through another save.
                save(&again, start + 2);
                assert_true(counter_log_open(&again));
                assert_record(&again.record, start + 2);
                if (complete) {
                    break;
                }
            }
        }
    }
}

static void a_save_that_interrupts_another_wins_and_needs_no_erase(void **state)
{
    (void)state;
    for (uint32_t after = 0; after < LOG_RECORD_BYTES; after++) {
        struct counter_log log;
        eeprom_array_erase();
        (void)counter_log_open(&log);
        for (uint32_t base = 1; base <= 2 * LOG_SLOTS; base++) {
            save(&log, base);
        }
        begin(&log, 1000);
        for (uint32_t i = 0; i < after; i++) {
            eeprom_apply(counter_log_step(&log));
        }
        begin(&log, 2000);
        uint32_t operations = 0;
        while (counter_log_writing(&log)) {
            const struct eeprom_step step = counter_log_step(&log);
            if (!counter_log_writing(&log)) {
                break;
            }
            assert_int_equal(step.action, EEPROM_WRITE); // 1.8 ms each, the slot was kept erased
            eeprom_apply(step);
            operations++;
        }
        assert_true(operations <= LOG_RECORD_BYTES);
        assert_true(counter_log_open(&log));
        assert_record(&log.record, 2000);
    }
}

static void a_worn_byte_is_passed_over(void **state)
{
    (void)state;
    struct counter_log log;
    eeprom_array_erase();
    eeprom_stuck_at = LOG_START + 3 * LOG_RECORD_BYTES + 1; // low byte of a counter in slot 3
    (void)counter_log_open(&log);
    for (uint32_t base = 1; base < 100; base++) {
        begin(&log, base);
        (void)eeprom_work(&log, 0, 0);
        assert_int_equal(log.durable_sequence, log.record.sequence);
        struct counter_log again;
        assert_true(counter_log_open(&again));
        assert_record(&again.record, base);
    }
    eeprom_stuck_at = EEPROM_BYTES;
}

static void a_dead_eeprom_ends_in_an_attempt_not_in_a_loop(void **state)
{
    (void)state;
    struct counter_log log;
    eeprom_array_erase();
    (void)counter_log_open(&log);
    save(&log, 5);
    begin(&log, 6);
    uint32_t steps = 0;
    while (counter_log_step(&log).action != EEPROM_NOTHING) { // nothing is ever applied
        assert_true(++steps < 10000);
    }
    assert_false(counter_log_writing(&log));
    assert_int_not_equal(log.durable_sequence, log.record.sequence);
    assert_true(counter_log_open(&log));
    assert_record(&log.record, 5);
}

static void any_flipped_bit_makes_a_record_invalid(void **state)
{
    (void)state;
    for (uint16_t bit = 0; bit < 8 * LOG_RECORD_BYTES; bit++) {
        struct counter_log log;
        eeprom_array_erase();
        (void)counter_log_open(&log);
        save(&log, 40);
        eeprom_array[LOG_START + bit / 8] ^= (uint8_t)(1U << (bit % 8));
        assert_false(counter_log_open(&log));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_eeprom_has_no_record),
        cmocka_unit_test(the_newest_record_is_found_over_many_laps),
        cmocka_unit_test(other_parts_of_the_eeprom_stay_untouched),
        cmocka_unit_test(wear_is_spread_evenly),
        cmocka_unit_test(a_cut_at_any_byte_leaves_the_old_or_the_new_record),
        cmocka_unit_test(a_save_that_interrupts_another_wins_and_needs_no_erase),
        cmocka_unit_test(a_worn_byte_is_passed_over),
        cmocka_unit_test(a_dead_eeprom_ends_in_an_attempt_not_in_a_loop),
        cmocka_unit_test(any_flipped_bit_makes_a_record_invalid),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
