#include "cmocka_tests.h"
#include "command.h"
#include "hex.h"
#include "state.h"

struct settings settings;
struct survivor life;
struct checkpoint checkpoint;
struct news news;
static enum command_outcome outcome;
static char said[2 + 2 * REPLY_BYTES + 1];

static int start(void **state)
{
    (void)state;
    memset(&settings, 0, sizeof settings);
    settings.config[0] = 1;
    memset(&life, 0, sizeof life);
    memset(&checkpoint, 0, sizeof checkpoint);
    memset(&news, 0, sizeof news);
    for (uint8_t i = 0; i < SENSOR_COUNT; i++) {
        checkpoint.ceiling[i] = 1000000;
    }
    return 0;
}

// Runs the command in the place where its reply goes, as the frame does.
static const char *run(const char *text)
{
    static union {
        struct message message;
        struct reply reply;
    } place;
    memset(&place, 'f', sizeof place);
    place.message.length = (uint8_t)strlen(text);
    memcpy(place.message.text, text, strlen(text));
    outcome = command_run(&place.message, &place.reply);
    said[0] = place.reply.command[0];
    said[1] = place.reply.command[1];
    size_t at = 2;
    for (uint8_t i = 0; i < place.reply.length; i++) {
        said[at++] = hex_digit(place.reply.bytes[i] >> 4);
        said[at++] = hex_digit(place.reply.bytes[i] & 0x0FU);
    }
    said[at] = '\0';
    return said;
}

static void every_setting_is_echoed_and_read_again(void **state)
{
    static const char *const pairs[][2] = {
        {"sh00020103", NULL}, {"sh000201", "gh"}, {"ss0102", "gs"}, {"se0501", "ge05"}, {"se0500", "ge05"},
        {"sp00010203ffff", "gp"}, {"sc05fffffffe", NULL}, {"sc05000003e8", "gc05"}, {"sm00142b", "gm00"},
        {"sf04ffff", "gf04"}, {"sw0102", "gw"}, {"sbfffe", "gb"}, {"sk010001", "gk"}, {"si03", "gi"}, {"st32", "gt"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        if (pairs[i][1]) {
            assert_string_equal(run(pairs[i][0]), pairs[i][0]);
            char expected[20];
            strcpy(expected, pairs[i][0]);
            expected[0] = 'g';
            assert_string_equal(run(pairs[i][1]), expected);
        }
    }
    assert_string_equal(run("sh00020103"), "sh000201"); // what is too much is left out
    assert_int_equal(life.watchdogs, 0x0102);
    assert_int_equal(life.brown_outs, 0xFFFE);
    assert_int_equal(settings.meterconst[0], 5163);
    assert_int_equal(settings.port[3], 3);
    assert_string_equal(run("se02ff"), "se0201"); // as stored
}

static void an_index_out_of_range_gets_the_command_only(void **state)
{
    static const char *const bad[] = {"ge06", "se0601", "gcff", "sc0600000001", "gm06", "sm80ffff", "gf06", "sf06ffff"};
    (void)state;
    const struct settings before = settings;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(strlen(run(bad[i])), 2);
        assert_memory_equal(said, bad[i], 2);
        assert_int_equal(outcome, COMMAND_ANSWERED);
    }
    assert_memory_equal(&settings, &before, sizeof settings);
}

static void unknown_commands_are_echoed(void **state)
{
    static const char *const unknown[] = {"xx", "g?", "sg05", "rt0102", "sd", "sq", "zz", "cx"};
    (void)state;
    for (size_t i = 0; i < sizeof unknown / sizeof unknown[0]; i++) {
        assert_int_equal(strlen(run(unknown[i])), 2);
        assert_memory_equal(said, unknown[i], 2);
    }
}

static void missing_arguments_read_as_0(void **state)
{
    (void)state;
    settings.meterconst[0] = 7;
    assert_string_equal(run("sm00"), "sm000000");
    assert_int_equal(settings.meterconst[0], 0);
    assert_string_equal(run("sm"), "sm000000");
    assert_string_equal(run("gc"), "gc0000000000");
    assert_string_equal(run("sp0102"), "sp010200000000");
}

static void upper_case_digits_are_accepted_and_others_change_nothing(void **state)
{
    (void)state;
    assert_string_equal(run("sm00AbCD"), "sm00abcd");
    assert_string_equal(run("sm00x000"), "sm");
    assert_int_equal(settings.meterconst[0], 0xABCD);
}

static void a_counter_may_be_set_down_and_nothing_above_is_told_until_it_is_saved(void **state)
{
    (void)state;
    life.floor[2] = 5000;
    life.counter[2].units = 5001;
    life.counter[2].nano = 999;
    assert_string_equal(run("sc02000003e8"), "sc02000003e8");
    struct counter_record record = {.units = {0}};
    assert_true(checkpoint_due(&checkpoint, &life, &record));
    assert_int_equal(life.counter[2].units, 1000);
    assert_int_equal(life.counter[2].nano, 0);
    news.due = 1U << 2;
    assert_string_equal(run("gd"), "gd");
    checkpoint_durable(&checkpoint, &record); // one that was on its way before
    assert_string_equal(run("gd"), "gd");
    checkpoint_record(&checkpoint, &life, false, &record);
    checkpoint_durable(&checkpoint, &record);
    assert_string_equal(run("gd"), "gd02000003e8000000000000");
}

static void setting_the_thousandths_zeroes_the_counters_own(void **state)
{
    (void)state;
    life.counter[4] = (struct counter){.units = 3, .nano = 500000000};
    assert_string_equal(run("sf0401f4"), "sf0401f4");
    assert_int_equal(life.counter[4].nano, 0);
    assert_int_equal(life.counter[4].units, 3);
}

static void counters_are_told_within_what_a_record_vouches_for(void **state)
{
    (void)state;
    life.floor[0] = 100;
    checkpoint.ceiling[0] = 164;
    life.counter[0].units = 90;
    assert_string_equal(run("gc00"), "gc0000000064");
    news.due = 1;
    assert_string_equal(run("gd"), "gd");
    life.counter[0].units = 163;
    assert_string_equal(run("gd"), "gd00000000a3000000000000");
    life.counter[0].units = 170;
    assert_string_equal(run("gc00"), "gc00000000a4");
}

static void the_gd_example_of_the_reference(void **state) // trap 27: 22 digits
{
    (void)state;
    life.counter[0].units = 123456;
    news.extra[0] = 460;
    news.due = 1;
    assert_string_equal(run("gd"), "gd000001e2400000000001cc");
    assert_string_equal(run("gd"), "gd"); // told
}

static void the_real_gd_of_board_a(void **state) // trap 27
{
    (void)state;
    static const uint32_t units[] = {0x3e9, 1, 6, 3};
    static const uint32_t extra[] = {0x900, 0x893, 0x2cdd, 0x996};
    for (uint8_t i = 0; i < 4; i++) {
        life.counter[i].units = units[i];
        news.extra[i] = extra[i];
    }
    news.due = 0x0F;
    assert_string_equal(run("gd"), "gd00000003e90000000009000100000001000000000893"
                                   "0200000006000000002cdd03000000030000" "00000996");
}

static void thousandths_are_those_of_the_counter(void **state)
{
    (void)state;
    life.counter[4] = (struct counter){.units = 0x12345, .nano = 999999999};
    news.extra[4] = UINT32_MAX;
    news.due = 1U << 4;
    assert_string_equal(run("gd"), "gd040001234503e7ffffffff");
}

static void five_records_fit_and_the_sixth_comes_first_next_time(void **state)
{
    (void)state;
    news.due = 0x3F;
    assert_int_equal(strlen(run("gd")), 2 + 5 * 22);
    assert_int_equal(news.due, 1U << 5);
    news.due = 0x3F;
    assert_int_equal(strlen(run("gd")), 2 + 5 * 22);
    assert_memory_equal(said, "gd05", 4);
    assert_int_equal(news.due, 1U << 4);
}

static void a_commit_is_answered_later(void **state)
{
    (void)state;
    assert_string_equal(run("ct"), "ct");
    assert_int_equal(outcome, COMMAND_COMMIT);
}

static void refusals(void **state)
{
    (void)state;
    struct reply reply;
    command_refuse(FRAME_WRONG, &reply);
    assert_memory_equal(reply.command, "zz", 2);
    command_refuse(FRAME_SHORT, &reply);
    assert_memory_equal(reply.command, "zy", 2);
    assert_int_equal(reply.length, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(every_setting_is_echoed_and_read_again, start),
        cmocka_unit_test_setup(an_index_out_of_range_gets_the_command_only, start),
        cmocka_unit_test_setup(unknown_commands_are_echoed, start),
        cmocka_unit_test_setup(missing_arguments_read_as_0, start),
        cmocka_unit_test_setup(upper_case_digits_are_accepted_and_others_change_nothing, start),
        cmocka_unit_test_setup(a_counter_may_be_set_down_and_nothing_above_is_told_until_it_is_saved, start),
        cmocka_unit_test_setup(setting_the_thousandths_zeroes_the_counters_own, start),
        cmocka_unit_test_setup(counters_are_told_within_what_a_record_vouches_for, start),
        cmocka_unit_test_setup(the_gd_example_of_the_reference, start),
        cmocka_unit_test_setup(the_real_gd_of_board_a, start),
        cmocka_unit_test_setup(thousandths_are_those_of_the_counter, start),
        cmocka_unit_test_setup(five_records_fit_and_the_sixth_comes_first_next_time, start),
        cmocka_unit_test_setup(a_commit_is_answered_later, start),
        cmocka_unit_test_setup(refusals, start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
