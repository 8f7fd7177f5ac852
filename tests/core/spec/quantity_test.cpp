// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include <avrig/spec/quantity.hpp>

#include <doctest/doctest.h>

using namespace avrig::spec;

TEST_SUITE("core/spec/quantity") {
  TEST_CASE("quantities: durations are exact nanoseconds") {
    CHECK(parse_duration_ns("20ms").value == 20'000'000);
    CHECK(parse_duration_ns("1.5s").value == 1'500'000'000);
    CHECK(parse_duration_ns("250us").value == 250'000);
    CHECK(parse_duration_ns("250 \xC2\xB5s").value == 250'000);
    CHECK(parse_duration_ns("2min").value == 120'000'000'000);
    CHECK(parse_duration_ns("-3 ns").value == -3);
    CHECK(parse_duration_ns("0").value == 0);
    CHECK(parse_duration_ns("0.1s").value == 100'000'000);
    CHECK(parse_duration_ns("2562047h").value == 2562047LL * 3600 * 1'000'000'000);
  }

  TEST_CASE(
      "quantities: a duration that fits no 64 bits or is finer than a nanosecond is refused") {
    CHECK(parse_duration_ns("2562048h").error == "'2562048h' is too large or has too many digits");
    CHECK(parse_duration_ns("99999999999999999999s").error ==
          "'99999999999999999999s' is too large or has too many digits");
    CHECK(parse_duration_ns("0.5ns").error == "'0.5ns' is finer than a nanosecond");
    CHECK(parse_duration_ns("0.0000000000000000000000001s").error ==
          "'0.0000000000000000000000001s' is too large or has too many digits");
  }

  TEST_CASE("quantities: the wrong unit is named with the right one") {
    CHECK(parse_duration_ns("20kHz").error ==
          "expects a duration such as 20ms, got '20kHz', which is a frequency");
    CHECK(parse_duration_ns("20").error ==
          "expects a duration such as 20ms, got '20' without a unit");
    CHECK(parse_duration_ns("20").suggestion == "write 20ms if that is meant");
    CHECK(parse_duration_ns("20msec").error ==
          "expects a duration such as 20ms, got '20msec' with the unknown unit 'msec'");
    CHECK(parse_duration_ns("20MS").suggestion == "did you mean 'ms'?");
    CHECK(parse_frequency_hz("48000").suggestion == "write 48000Hz if that is meant");
    CHECK(parse_frequency_hz("48khz").suggestion == "did you mean 'kHz'?");
    CHECK(parse_level_db("-6").error == "expects a level such as -6dB, got '-6' without a unit");
    CHECK(parse_duration_ns("soon").error == "expects a duration such as 20ms, got 'soon'");
    CHECK(parse_duration_ns("").error == "expects a duration such as 20ms, got ''");
    CHECK(parse_duration_ns("ms").error == "expects a duration such as 20ms, got 'ms'");
    CHECK(parse_duration_ns("1e3ms").value == std::nullopt);
  }

  TEST_CASE("quantities: frequencies, sizes, levels, ratios and rates are exact") {
    CHECK(parse_frequency_hz("48kHz").value == Rational{48000, 1});
    CHECK(parse_frequency_hz("44100Hz").value == Rational{44100, 1});
    CHECK(parse_frequency_hz("44.1kHz").value == Rational{44100, 1});
    CHECK(parse_frequency_hz("0.5Hz").value == Rational{1, 2});
    CHECK(parse_size_bytes("64MiB").value == 64 << 20);
    CHECK(parse_size_bytes("8KiB").value == 8192);
    CHECK(parse_size_bytes("3MB").value == 3'000'000);
    CHECK(parse_size_bytes("1.5KiB").value == 1536);
    CHECK(parse_size_bytes("0.3B").error == "'0.3B' is finer than a byte");
    CHECK(parse_level_db("-6dB").value == doctest::Approx(-6));
    CHECK(parse_level_db("-0.5 dB").value == doctest::Approx(-0.5));
    CHECK(parse_ratio("50%").value == doctest::Approx(0.5));
    CHECK(parse_ratio("0.25").value == doctest::Approx(0.25));
    CHECK(parse_rate_fps("30fps").value == Rational{30, 1});
    CHECK(parse_rate_fps("30000/1001fps").value == Rational{30000, 1001});
    CHECK(parse_rate_fps("29.97fps").value == Rational{2997, 100});
    CHECK(parse_rate_fps("30/0fps").value == std::nullopt);
    CHECK(parse_rate_fps("30").suggestion == "write 30fps if that is meant");
  }

  TEST_CASE("quantities: what is formatted is read back the same") {
    for (const std::int64_t ns :
         {0LL, 1LL, 999LL, 20'000'000LL, 1'500'000'000LL, 60'000'000'000LL, 90'000'000'000LL}) {
      CHECK(parse_duration_ns(format_duration(ns)).value == ns);
    }
    CHECK(format_duration(500'000'000) == "500ms");
    CHECK(format_size(std::int64_t{2} << 30) == "2GiB");
    CHECK(format_size(1000) == "1000B");
    CHECK(format_frequency({44100, 1}) == "44100Hz");
    CHECK(format_frequency({1, 2}) == "0.5Hz");
  }
}
