#include "cmocka_tests.h"
#include "survivor.h"

static struct survivor life, spare;

static void live(uint32_t base, uint8_t sequence)
{
    for (uint8_t i = 0; i < SENSOR_COUNT; i++) {
        life.counter[i].units = base + i;
        life.counter[i].nano = base * 7U;
        life.floor[i] = base;
    }
    life.watchdogs = 3;
    life.brown_outs = 4;
    life.sequence = sequence;
}

static bool recover(const struct counter_record *record, uint8_t sequence)
{
    return survivor_recover(&life, &spare, record, sequence);
}

static struct counter_record record_at(uint32_t base)
{
    struct counter_record record;
    memset(&record, 0, sizeof record);
    for (uint8_t i = 0; i < SENSOR_COUNT; i++) {
        record.units[i] = base;
    }
    return record;
}

static void what_was_kept_last_survives(void **state)
{
    (void)state;
    const struct counter_record record = record_at(1000);
    for (uint32_t base = 1000; base < 2000; base++) {
        live(base, 9);
        survivor_keep(&life, &spare);
        assert_true(recover(&record, 9));
        assert_int_equal(life.counter[1].units, base + 1);
        assert_int_equal(life.counter[1].nano, base * 7U);
        assert_int_equal(life.floor[2], base);
        assert_int_equal(life.brown_outs, 4);
    }
}

static void random_sram_is_not_taken_for_a_life(void **state)
{
    (void)state;
    const struct counter_record record = record_at(0);
    uint32_t random = 1;
    for (int round = 0; round < 20000; round++) {
        for (size_t i = 0; i < sizeof life; i++) {
            random = random * 1664525U + 1013904223U;
            ((uint8_t *)&life)[i] = (uint8_t)(random >> 24);
            ((uint8_t *)&spare)[i] = (uint8_t)(random >> 16);
        }
        assert_false(recover(&record, (uint8_t)round));
    }
    for (int fill = 0; fill < 256; fill += 255) {
        memset(&life, fill, sizeof life);
        memset(&spare, fill, sizeof spare);
        assert_false(recover(&record, 0));
    }
}

// A reset while the counters change, at any byte: what was kept before is there again.
static void a_reset_in_the_middle_of_a_change_leaves_the_spare_copy(void **state)
{
    (void)state;
    const struct counter_record record = record_at(1000);
    live(1005, 9);
    const struct survivor next = life;
    for (size_t cut = 1; cut < offsetof(struct survivor, crc); cut++) {
        live(1004, 9);
        survivor_keep(&life, &spare);
        memcpy(&life, &next, cut);
        assert_true(recover(&record, 9));
        assert_true(life.counter[0].units == 1004 || memcmp(&life, &next, cut) == 0);
        survivor_keep(&life, &spare);
        assert_true(recover(&record, 9));
    }
}

// A reset while the spare copy is written, at any byte: the counters themselves are whole.
static void a_reset_in_the_middle_of_keeping_leaves_the_counters(void **state)
{
    (void)state;
    const struct counter_record record = record_at(1000);
    for (size_t cut = 0; cut < sizeof(struct survivor); cut++) {
        live(1004, 9);
        survivor_keep(&life, &spare);
        const struct survivor before = spare;
        live(1005, 9);
        survivor_keep(&life, &spare);
        memcpy((uint8_t *)&spare + cut, (const uint8_t *)&before + cut, sizeof spare - cut);
        assert_true(recover(&record, 9));
        assert_int_equal(life.counter[0].units, 1005);
    }
}

static void a_rewritten_eeprom_wins_over_sram(void **state)
{
    (void)state;
    live(1000, 9);
    survivor_keep(&life, &spare);
    struct counter_record record = record_at(1000);
    assert_true(recover(&record, 9));
    assert_true(recover(&record, 10)); // a record became durable just before the reset
    assert_false(recover(&record, 11));
    assert_false(recover(&record, 8));
    record = record_at(1004); // other counters were written to it
    assert_false(recover(&record, 9));
    record = record_at(1000U - 70000U);
    assert_false(recover(&record, 9));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_kept_last_survives),
        cmocka_unit_test(random_sram_is_not_taken_for_a_life),
        cmocka_unit_test(a_reset_in_the_middle_of_a_change_leaves_the_spare_copy),
        cmocka_unit_test(a_reset_in_the_middle_of_keeping_leaves_the_counters),
        cmocka_unit_test(a_rewritten_eeprom_wins_over_sram),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
