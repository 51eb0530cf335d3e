#include "tests/unit/expr/expr_fixture.h"

namespace headrace::expr {
namespace {

TEST(ExprDates, NowInFormatsAndZones) {
  ExpectAll({
      {"{{ now() }}", "2023-11-14T22:13:20.123456Z"}, {"{{ now('iso_sec') }}", "2023-11-14T22:13:20Z"},
      {"{{ now(format='sql_milli', timeZone='Europe/Paris') }}", "2023-11-14 23:13:20.123"},
      {"{{ now('yyyy') }}", "2023"}, {"{{ now(timeZone='America/New_York') }}", "2023-11-14T17:13:20.123456-05:00"},
      {"{{ now('HH:mm', '+05:30') }}", "03:43"},
  });
}

TEST(ExprDates, NamedFormats) {
  const auto formatted = [](std::string_view name) {
    return Render("{{ '2013-09-08T17:19:12.12+02:00' | date('" + std::string(name) + "', timeZone='Europe/Paris') }}");
  };
  EXPECT_EQ(formatted("iso"), "2013-09-08T17:19:12.120000+02:00");
  EXPECT_EQ(formatted("iso_milli"), "2013-09-08T17:19:12.120+02:00");
  EXPECT_EQ(formatted("iso_sec"), "2013-09-08T17:19:12+02:00");
  EXPECT_EQ(formatted("sql"), "2013-09-08 17:19:12.120000");
  EXPECT_EQ(formatted("sql_milli"), "2013-09-08 17:19:12.120");
  EXPECT_EQ(formatted("sql_sec"), "2013-09-08 17:19:12");
  EXPECT_EQ(formatted("iso_date_time"), "2013-09-08T17:19:12.12+02:00[Europe/Paris]");
  EXPECT_EQ(formatted("iso_zoned_date_time"), "2013-09-08T17:19:12.12+02:00[Europe/Paris]");
  EXPECT_EQ(formatted("iso_date"), "2013-09-08+02:00");
  EXPECT_EQ(formatted("iso_time"), "17:19:12.12+02:00");
  EXPECT_EQ(formatted("iso_local_date"), "2013-09-08");
  EXPECT_EQ(formatted("iso_instant"), "2013-09-08T15:19:12.120Z");
  EXPECT_EQ(formatted("iso_local_date_time"), "2013-09-08T17:19:12.12");
  EXPECT_EQ(formatted("iso_local_time"), "17:19:12.12");
  EXPECT_EQ(formatted("iso_offset_time"), "17:19:12.12+02:00");
  EXPECT_EQ(formatted("iso_ordinal_date"), "2013-251+02:00");
  EXPECT_EQ(formatted("iso_week_date"), "2013-W36-7+02:00");
  EXPECT_EQ(formatted("rfc_1123_date_time"), "Sun, 8 Sep 2013 17:19:12 +0200");
  EXPECT_EQ(formatted("full"), "Sunday, September 8, 2013 at 5:19:12\u202FPM Central European Summer Time");
  EXPECT_EQ(formatted("long"), "September 8, 2013 at 5:19:12\u202FPM CEST");
  EXPECT_EQ(formatted("medium"), "Sep 8, 2013, 5:19:12\u202FPM");
  EXPECT_EQ(formatted("short"), "9/8/13, 5:19\u202FPM");
}

TEST(ExprDates, PatternLetters) {
  const auto formatted = [](std::string_view pattern) {
    return Render("{{ '2024-02-05T00:07:09.045Z' | date(\"" + std::string(pattern) + "\", timeZone='Asia/Kolkata') }}");
  };
  EXPECT_EQ(formatted("y yy yyyy u"), "2024 24 2024 2024");
  EXPECT_EQ(formatted("M MM MMM MMMM MMMMM L"), "2 02 Feb February F 2");
  EXPECT_EQ(formatted("d dd D DDD"), "5 05 36 036");
  EXPECT_EQ(formatted("E EEEE EEEEE e"), "Mon Monday M 2");
  EXPECT_EQ(formatted("H HH h hh k K a"), "5 05 5 05 5 5 AM");
  EXPECT_EQ(formatted("m mm s ss S SSS SSSSSS n"), "37 37 9 09 0 045 045000 45000000");
  EXPECT_EQ(formatted("VV z Z ZZZZ ZZZZZ"), "Asia/Kolkata IST +0530 GMT+05:30 +05:30");
  EXPECT_EQ(formatted("X XX XX" "X x xxx O OOOO"), "+0530 +0530 +05:30 +0530 +05:30 GMT+5:30 GMT+05:30");
  EXPECT_EQ(formatted("Q QQ QQQ QQQQ w G"), "1 01 Q1 1st quarter 6 AD");
  EXPECT_EQ(formatted("yyyy'T''x'[MM]"), "2024T'x02");
  ExpectErrors({{"{{ now('yyyy-bb') }}", "`now`: the date pattern has `bb`"}, {"{{ now(\"yyyy'x\") }}", "`now`: the date pattern"}});
}

TEST(ExprDates, ZoneNames) {
  const auto formatted = [](std::string_view zone, std::string_view pattern) {
    return Render("{{ '2013-09-08T15:19:12Z' | date('" + std::string(pattern) + "', timeZone='" + std::string(zone) + "') }}");
  };
  EXPECT_EQ(formatted("Asia/Shanghai", "z|zzzz|v|vvvv"), "CST|China Standard Time|CT|China Time");
  EXPECT_EQ(formatted("America/Chicago", "z|zzzz|v|vvvv"), "CDT|Central Daylight Time|CT|Central Time");
  EXPECT_EQ(formatted("Europe/Lisbon", "zzzz"), "Western European Summer Time");
  EXPECT_EQ(formatted("Asia/Kolkata", "z|zzzz"), "IST|India Standard Time");
  EXPECT_EQ(formatted("America/Sao_Paulo", "z|zzzz|v"), "GMT-03:00|Brasilia Standard Time|GMT-03:00");
  EXPECT_EQ(formatted("+02:00", "z|zzzz|v|vvvv"), "+02:00|+02:00|+02:00|+02:00");
  EXPECT_EQ(formatted("UTC", "z|zzzz|v|vvvv"), "UTC|Coordinated Universal Time|UTC|Coordinated Universal Time");
}

TEST(ExprDates, SummersOfTheFarFuture) {
  ExpectAll({{"{{ '2113-09-08T12:00:00Z' | date('iso_sec', timeZone='Europe/Paris') }} {{ '2113-12-08T12:00:00Z' | date('iso_sec', timeZone='Europe/Paris') }}", "2113-09-08T14:00:00+02:00 2113-12-08T13:00:00+01:00"},
             {"{{ '2050-03-27T00:59:59Z' | date('HH:mm', timeZone='Europe/Paris') }} {{ '2050-03-27T01:00:00Z' | date('HH:mm', timeZone='Europe/Paris') }} {{ '2050-07-01T10:00:00' | timestamp(timeZone='America/New_York') }}", "01:59 03:00 2540296800"}});
}

TEST(ExprDates, OtherLanguages) {
  ExpectAll({
      {"{{ '2013-09-08T16:19:12Z' | date('EEEE d MMMM yyyy', locale='fr') }}|{{ '2013-09-08' | date('EEE, d. MMM', locale='de-DE') }}|{{ '2013-09-08' | date('MMM MM M', locale='es') }}", "dimanche 8 septembre 2013|So., 8. Sept.|sept 09 9"},
      {"{{ '2013-09-08' | date('iso_local_date', locale='it') }}|{{ now('a', locale='nl') }}|{{ '2013-09-08' | dateAdd(1, 'MONTHS', 'MMMM', locale='pt_BR') }}|{{ now('EEE', locale='en-GB') }}", "2013-09-08|p.m.|outubro|Tue"},
  });
  ExpectErrors({{"{{ now('full', locale='fr') }}", "`now`: the style 'full' is written in English only"}, {"{{ now('zzzz', locale='fr') }}", "`now`: the date pattern has `zzzz`, which is written in English only"}, {"{{ now(locale='de-AT') }}", "`now`: the locale 'de-AT' is not supported"}});
}

TEST(ExprDates, RareLetters) {
  ExpectAll({
      {"{{ '2013-09-08T16:19:00Z' | date('B|F|g|ppH|ppppH') }}", "in the afternoon|2|56543|16|  16"}, {"{{ '2013-09-08T06:00:00Z' | date('B|ppH') }}", "in the morning| 6"},
      {"{{ '2013-09-08' | date('B BBBBB') }}{{ '2013-09-08T12:00' | date(' B BBBBB') }}{{ '2013-09-08T21:00' | date(' B') }}", "midnight mi noon n at night"},
      {"{{ '2013-09-08T16:19:12Z' | dateAdd(1, 'CENTURIES', 'yyyy') }}{{ '2013-09-08T16:19:12Z' | dateAdd(-1, 'MILLENNIA', 'yyyy') }}", "21131013"},
      {"{{ '2013-09-08' | date('sql_sec', existingFormat='iso_date') }}|{{ '2013-09-08+02:00' | date('sql_sec', existingFormat='iso_date') }}|{{ '2013-09-08T10:20' | date('sql_sec', existingFormat='iso_local_date_time') }}|{{ '20130908' | date('sql_sec', existingFormat='basic_iso_date') }}",
       "2013-09-08 00:00:00|2013-09-07 22:00:00|2013-09-08 10:20:00|2013-09-08 00:00:00"},
  });
  ExpectErrors({{"{{ now('V') }}", "`now`: the date pattern has `V`"}, {"{{ now('vv') }}", "`now`: the date pattern has `vv`"}, {"{{ now('BB') }}", "`now`: the date pattern has `BB`"}, {"{{ now('HHp') }}", "`now`: the date pattern ends with `p`"}});
}

TEST(ExprDates, InputsOfManyForms) {
  ExpectAll({
      {"{{ '2013-09-08T17:19:12+02:00' | date }}", "2013-09-08T15:19:12.000000Z"},
      {"{{ '2013-09-08T17:19:12' | date(timeZone='Europe/Paris') }}", "2013-09-08T17:19:12.000000+02:00"},
      {"{{ '2013-09-08' | date('sql_sec') }}", "2013-09-08 00:00:00"}, {"{{ '2013-09-08 17:19' | date('sql_sec') }}", "2013-09-08 17:19:00"},
      {"{{ '2013-09-08T17:19:12Z' | date('iso_sec') }}", "2013-09-08T17:19:12Z"},
      {"{{ '2013-09-08T17:19:12+02:00[Europe/Paris]' | date('iso_sec') }}", "2013-09-08T15:19:12Z"},
      {"{{ 1378653552 | date('iso_sec', timeZone='Europe/Paris') }}", "2013-09-08T17:19:12+02:00"},
      {"{{ 1378653552123 | date }}", "2013-09-08T15:19:12.123000Z"}, {"{{ 1378653552123456789 | date }}", "2013-09-08T15:19:12.123456Z"},
      {"{{ 'July 24, 2001' | date('yyyy-MM-dd', existingFormat='MMMM dd, yyyy') }}", "2001-07-24"},
      {"{{ '20240229' | date('iso_local_date', existingFormat='yyyyMMdd') }}", "2024-02-29"},
      {"{{ '5/9/24 3:04 PM' | date('sql_sec', existingFormat='d/M/yy h:mm a') }}", "2024-09-05 15:04:00"},
      {"{{ '2024-060' | date('iso_local_date', existingFormat='yyyy-DDD') }}", "2024-02-29"},
      {"{{ '12.06.2024 10:00 +0200' | date('iso_sec', existingFormat='dd.MM.yyyy HH:mm Z') }}", "2024-06-12T08:00:00Z"},
      {"{{ 'Sun, 8 Sep 2013 17:19:12 GMT' | date('iso_sec', existingFormat='rfc_1123_date_time') }}", "2013-09-08T17:19:12Z"},
      {"{{ null | date }}", ""},
  });
  ExpectErrors({
      {"{{ 'x' | date }}", "`date`: 'x' is no date such as"}, {"{{ '2024-13-01' | date }}", "`date`: '2024-13-01' is no date"},
      {"{{ '2023-02-29' | date }}", "`date`: the month has no day 29"}, {"{{ 'a' | date(existingFormat='yyyy') }}", "`date`: 'a' is no date of the format 'yyyy'"},
      {"{{ now() | date(timeZone='Mars/One') }}", "`date`: there is no time zone 'Mars/One'"}, {"{{ [] | date }}", "`date`: needs a date, not a list"},
      {"{{ now() | date(locale='xx') }}", "`date`: the locale 'xx' is not supported"},
      {"{{ 99999999999999 | date }}", "`date`: the date lies outside"}, {"{{ '10:00' | date(existingFormat='HH:mm') }}", "`date`: the format 'HH:mm' holds no date"},
  });
}

TEST(ExprDates, Adding) {
  ExpectAll({
      {"{{ '2024-01-31T10:00:00Z' | dateAdd(1, 'MONTHS') }}", "2024-02-29T10:00:00.000000Z"},
      {"{{ '2024-02-29T10:00:00Z' | dateAdd(-1, 'YEARS', format='iso_local_date') }}", "2023-02-28"},
      {"{{ '2024-03-30T12:00:00' | dateAdd(1, 'DAYS', timeZone='Europe/Paris') }}", "2024-03-31T12:00:00.000000+02:00"},
      {"{{ '2024-03-30T12:00:00' | dateAdd(24, 'HOURS', timeZone='Europe/Paris') }}", "2024-03-31T13:00:00.000000+02:00"},
      {"{{ '2024-03-30T02:30:00' | dateAdd(1, 'DAYS', timeZone='Europe/Paris') }}", "2024-03-31T03:30:00.000000+02:00"},
      {"{{ '2024-01-01' | dateAdd(-1, 'NANOS', format='yyyy-MM-dd HH:mm:ss.SSSSSSSSS') }}", "2023-12-31 23:59:59.999999999"},
      {"{{ '2024-01-01' | dateAdd(90, 'MINUTES', 'HH:mm') }}", "01:30"}, {"{{ '2024-01-01' | dateAdd(1, 'weeks', 'dd') }}", "08"},
      {"{{ '2024-01-01' | dateAdd(1500, 'MILLIS', 'ss.SSS') }}", "01.500"}, {"{{ '2024-01-01' | dateAdd(1, 'DECADES', 'yyyy') }}", "2034"},
  });
  ExpectErrors({{"{{ now() | dateAdd(1, 'FORTNIGHTS') }}", "`dateAdd`: 'FORTNIGHTS' is no unit"},
                {"{{ now() | dateAdd(9223372036854775807, 'HOURS') }}", "`dateAdd`: the amount is too large"},
                {"{{ now() | dateAdd(9223372036854775807, 'DAYS') }}", "`dateAdd`: the amount is too large"},
                {"{{ now() | dateAdd(9000, 'YEARS') }}", "`dateAdd`: the date lies outside"},
                {"{{ now() | dateAdd(1) }}", "the filter `dateAdd` needs the argument `unit`"}});
}

TEST(ExprDates, Timestamps) {
  ExpectAll({
      {"{{ now() | timestamp }}", "1700000000"}, {"{{ now() | timestampMilli }}", "1700000000123"},
      {"{{ now() | timestampMicro }}", "1700000000123456"}, {"{{ now() | timestampNano }}", "1700000000123456000"},
      {"{{ '2023-11-14' | timestamp(timeZone='Europe/Paris') }}", "1699916400"}, {"{{ (now() | timestamp) + 1 }}", "1700000001"},
      {"{{ '1969-12-31T23:59:59.5Z' | timestampMilli }}", "-500"},
  });
  EXPECT_EQ(RenderJson("{{ now() | timestamp }}"), "1700000000");
  EXPECT_EQ(RenderJson("{{ now() | timestampMicro }}"), "\"1700000000123456\"");
}

}  // namespace
}  // namespace headrace::expr
