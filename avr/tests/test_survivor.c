#include "cmocka_tests.h"
#include "survivor.h"

static struct survivor_store store;

static struct survivor life_of(uint32_t base, uint8_t sequence)
{
    struct survivor life;
    memset(&life, 0, sizeof life);
    for (uint8_t i = 0; i < SENSOR_COUNT; i++) {
        life.counter[i].units = base + i;
        life.counter[i].nano = base * 7U;
        life.floor[i] = base;
    }
    life.watchdogs = 3;
    life.brown_outs = 4;
    life.sequence = sequence;
    return life;
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

static void the_newest_copy_survives(void **state)
{
    (void)state;
    memset(&store, 0xA5, sizeof store);
    const struct counter_record record = record_at(1000);
    for (uint32_t base = 1000; base < 2000; base++) { // turns wrap at 256
        const struct survivor life = life_of(base, 9);
        survivor_keep(&store, &life);
        struct survivor found;
        struct survivor_store copy = store;
        assert_true(survivor_recover(&copy, &record, 9, &found));
        assert_int_equal(found.counter[1].units, base + 1);
        assert_int_equal(found.counter[1].nano, base * 7U);
        assert_int_equal(found.floor[2], base);
        assert_int_equal(found.brown_outs, 4);
    }
}

static void random_sram_is_not_taken_for_a_life(void **state)
{
    (void)state;
    const struct counter_record record = record_at(0);
    struct survivor found;
    uint32_t random = 1;
    for (int round = 0; round < 20000; round++) {
        uint8_t *byte = (uint8_t *)&store;
        for (size_t i = 0; i < sizeof store; i++) {
            random = random * 1664525U + 1013904223U;
            byte[i] = (uint8_t)(random >> 24);
        }
        assert_false(survivor_recover(&store, &record, (uint8_t)round, &found));
    }
    memset(&store, 0, sizeof store);
    assert_false(survivor_recover(&store, &record, 0, &found));
    memset(&store, 0xFF, sizeof store);
    assert_false(survivor_recover(&store, &record, 0, &found));
}

static void a_reset_in_the_middle_of_an_update_leaves_the_other_copy(void **state)
{
    (void)state;
    const struct counter_record record = record_at(1000);
    for (size_t cut = 0; cut < sizeof(struct survivor_copy); cut++) {
        memset(&store, 0, sizeof store);
        for (uint32_t base = 1000; base < 1005; base++) {
            const struct survivor life = life_of(base, 9);
            survivor_keep(&store, &life);
        }
        struct survivor_store after = store;
        const struct survivor next = life_of(1005, 9);
        survivor_keep(&after, &next);
        // Only the first `cut` bytes of the copy were written.
        struct survivor_copy *target = &store.copy[store.next];
        memcpy(target, &after.copy[store.next], cut);
        struct survivor found;
        assert_true(survivor_recover(&store, &record, 9, &found));
        assert_true(found.counter[0].units == 1004 || found.counter[0].units == 1005);
        // The next life keeps its counters where the torn copy was.
        survivor_keep(&store, &next);
        assert_true(survivor_recover(&store, &record, 9, &found));
        assert_int_equal(found.counter[0].units, 1005);
    }
}

static void a_rewritten_eeprom_wins_over_sram(void **state)
{
    (void)state;
    memset(&store, 0, sizeof store);
    const struct survivor life = life_of(1000, 9);
    survivor_keep(&store, &life);
    struct survivor found;
    struct counter_record record = record_at(1000);
    assert_true(survivor_recover(&store, &record, 9, &found));
    assert_true(survivor_recover(&store, &record, 10, &found)); // a record became durable just before the reset
    assert_false(survivor_recover(&store, &record, 11, &found));
    assert_false(survivor_recover(&store, &record, 8, &found));
    record = record_at(1004); // other counters were written to it
    assert_false(survivor_recover(&store, &record, 9, &found));
    record = record_at(1000U - 70000U);
    assert_false(survivor_recover(&store, &record, 9, &found));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_newest_copy_survives),
        cmocka_unit_test(random_sram_is_not_taken_for_a_life),
        cmocka_unit_test(a_reset_in_the_middle_of_an_update_leaves_the_other_copy),
        cmocka_unit_test(a_rewritten_eeprom_wins_over_sram),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
