#include "cmocka_tests.h"
#include "line.h"

static const uint8_t ID[SENSOR_ID_BYTES] = {0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef,
                                            0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xe0};

static void assert_line(const char *line, uint8_t length, const char *expected)
{
    assert_int_equal(length, strlen(expected));
    assert_memory_equal(line, expected, length);
}

static void counter_lines_have_47_characters(void **state)
{
    (void)state;
    char line[LINE_LONGEST];
    assert_line(line, line_counter(line, ID, 2306), "pls 0123456789abcdef0123456789abcde0:0000002306\n");
    assert_int_equal(line_counter(line, ID, UINT32_MAX), LINE_COUNTER_LENGTH + 1);
    assert_line(line, line_counter(line, ID, UINT32_MAX), "pls 0123456789abcdef0123456789abcde0:4294967295\n");
    assert_line(line, line_counter(line, ID, 0), "pls 0123456789abcdef0123456789abcde0:0000000000\n");
}

static void pulse_lines_have_58_characters(void **state)
{
    (void)state;
    char line[LINE_LONGEST];
    assert_line(line, line_pulse(line, ID, 4, 30903), "pls 0123456789abcdef0123456789abcde0:0000000004:0000030903\n");
    assert_int_equal(line_pulse(line, ID, 4, 30903), LINE_PULSE_LENGTH + 1);
    assert_line(line, line_pulse(line, ID, UINT32_MAX, UINT32_MAX),
                "pls 0123456789abcdef0123456789abcde0:4294967295:4294967295\n");
}

static void power_lines_have_47_characters(void **state)
{
    (void)state;
    char line[LINE_LONGEST];
    assert_line(line, line_power(line, ID, 463), "pwr 0123456789abcdef0123456789abcde0:0000000463\n");
}

static void messages_are_cut_to_the_longest_line(void **state)
{
    (void)state;
    char line[LINE_LONGEST];
    strcpy(line + LINE_MESSAGE_START, "WDT");
    assert_line(line, line_message(line), "msg WDT\n");
    memset(line, 'x', sizeof line);
    assert_int_equal(line_message(line), LINE_LONGEST);
    assert_int_equal(line[LINE_LONGEST - 1], '\n');
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counter_lines_have_47_characters),
        cmocka_unit_test(pulse_lines_have_58_characters),
        cmocka_unit_test(power_lines_have_47_characters),
        cmocka_unit_test(messages_are_cut_to_the_longest_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
