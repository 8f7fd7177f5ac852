// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include <avrig/spec/problem.hpp>
#include <avrig/spec/quantity.hpp>

#include <array>
#include <charconv>
#include <cmath>
#include <limits>
#include <numeric>
#include <span>
#include <vector>

namespace avrig::spec {
namespace {

// __int128 holds any product of a 64-bit mantissa and a unit; it is an extension that both
// supported compilers have.
__extension__ typedef __int128 Wide;

constexpr Wide kMax64 = std::numeric_limits<std::int64_t>::max();

struct Unit {
  std::string_view name;
  Dimension dimension;
  std::int64_t num;  ///< one unit = num/den of the canonical unit
  std::int64_t den;
};

constexpr std::int64_t kSecond = 1'000'000'000;
constexpr std::array<Unit, 29> kUnits{{{"ns", Dimension::Duration, 1, 1},
                                       {"us", Dimension::Duration, 1000, 1},
                                       {"\xC2\xB5s", Dimension::Duration, 1000, 1},
                                       {"\xCE\xBCs", Dimension::Duration, 1000, 1},
                                       {"ms", Dimension::Duration, 1'000'000, 1},
                                       {"s", Dimension::Duration, kSecond, 1},
                                       {"min", Dimension::Duration, 60 * kSecond, 1},
                                       {"h", Dimension::Duration, 3600 * kSecond, 1},
                                       {"mHz", Dimension::Frequency, 1, 1000},
                                       {"Hz", Dimension::Frequency, 1, 1},
                                       {"kHz", Dimension::Frequency, 1000, 1},
                                       {"MHz", Dimension::Frequency, 1'000'000, 1},
                                       {"GHz", Dimension::Frequency, 1'000'000'000, 1},
                                       {"B", Dimension::Size, 1, 1},
                                       {"kB", Dimension::Size, 1000, 1},
                                       {"KB", Dimension::Size, 1000, 1},
                                       {"MB", Dimension::Size, 1'000'000, 1},
                                       {"GB", Dimension::Size, 1'000'000'000, 1},
                                       {"TB", Dimension::Size, 1'000'000'000'000, 1},
                                       {"KiB", Dimension::Size, 1LL << 10, 1},
                                       {"kiB", Dimension::Size, 1LL << 10, 1},
                                       {"MiB", Dimension::Size, 1LL << 20, 1},
                                       {"GiB", Dimension::Size, 1LL << 30, 1},
                                       {"TiB", Dimension::Size, 1LL << 40, 1},
                                       {"dB", Dimension::Level, 1, 1},
                                       {"dBFS", Dimension::Level, 1, 1},
                                       {"%", Dimension::Ratio, 1, 100},
                                       {"fps", Dimension::Rate, 1, 1},
                                       {"", Dimension::Number, 1, 1}}};

std::string_view example(Dimension dimension) {
  switch (dimension) {
    case Dimension::Duration:
      return "20ms";
    case Dimension::Frequency:
      return "48kHz";
    case Dimension::Size:
      return "64MiB";
    case Dimension::Level:
      return "-6dB";
    case Dimension::Ratio:
      return "50%";
    case Dimension::Rate:
      return "30fps";
    case Dimension::Number:
      break;
  }
  return "15";
}

/// The unit that a bare number most likely lacks.
std::string_view usual_unit(Dimension dimension) {
  switch (dimension) {
    case Dimension::Duration:
      return "ms";
    case Dimension::Frequency:
      return "Hz";
    case Dimension::Size:
      return "MiB";
    case Dimension::Level:
      return "dB";
    case Dimension::Rate:
      return "fps";
    default:
      return "";
  }
}

std::string quoted(std::string_view text) {
  return "'" + shortened(text) + "'";
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) {
    text.remove_prefix(1);
  }
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) {
    text.remove_suffix(1);
  }
  return text;
}

/// An exact decimal, `mantissa / 10^decimals`, cut from the front of `text`.
struct Decimal {
  std::int64_t mantissa = 0;
  int decimals = 0;
  std::string_view spelling;
  std::string_view rest;
  bool too_long = false;
};

std::optional<Decimal> cut_decimal(std::string_view text) {
  Decimal out;
  std::size_t i = 0;
  const bool negative = !text.empty() && text[0] == '-';
  if (!text.empty() && (text[0] == '-' || text[0] == '+')) {
    ++i;
  }
  bool digits = false;
  bool point = false;
  Wide mantissa = 0;
  for (; i < text.size(); ++i) {
    if (text[i] == '.' && !point) {
      point = true;
    } else if (text[i] >= '0' && text[i] <= '9') {
      digits = true;
      mantissa = mantissa * 10 + (text[i] - '0');
      out.decimals += point ? 1 : 0;
      if (mantissa > kMax64 || out.decimals > 18) {
        out.too_long = true;
        mantissa = 0;
        out.decimals = 0;
      }
    } else {
      break;
    }
  }
  if (!digits) {
    return std::nullopt;
  }
  out.mantissa = static_cast<std::int64_t>(negative ? -mantissa : mantissa);
  out.spelling = text.substr(0, i);
  out.rest = text.substr(i);
  return out;
}

struct Read {
  std::optional<Rational> value;
  std::string error;
  std::string suggestion;
};

Read failure(std::string error, std::string suggestion = {}) {
  return Read{std::nullopt, std::move(error), std::move(suggestion)};
}

std::string expects(Dimension wanted) {
  return "expects " + std::string(dimension_name(wanted)) + " such as " +
         std::string(example(wanted));
}

/// What to say when the unit is missing, unknown or of something else.
Read wrong_unit(std::string_view text,
                const Decimal& number,
                std::string_view unit,
                Dimension wanted) {
  if (unit.empty()) {
    return failure(expects(wanted) + ", got " + quoted(text) + " without a unit",
                   "write " + std::string(number.spelling) + std::string(usual_unit(wanted)) +
                       " if that is meant");
  }
  std::vector<std::string> same;
  for (const Unit& known : kUnits) {
    if (known.name == unit) {
      return failure(expects(wanted) + ", got " + quoted(text) + ", which is " +
                     std::string(dimension_name(known.dimension)));
    }
    const auto first = static_cast<unsigned char>(known.name.empty() ? '\0' : known.name[0]);
    if (known.dimension == wanted && first < 0x80U) {
      same.emplace_back(known.name);
    }
  }
  return failure(
      expects(wanted) + ", got " + quoted(text) + " with the unknown unit " + quoted(unit),
      did_you_mean(unit, same));
}

Rational reduced(Wide num, Wide den, bool& fits) {
  Wide a = num < 0 ? -num : num;
  Wide b = den;
  while (b != 0) {
    const Wide r = a % b;
    a = b;
    b = r;
  }
  if (a > 1) {
    num /= a;
    den /= a;
  }
  fits = num <= kMax64 && num >= -kMax64 && den <= kMax64;
  return fits ? Rational{static_cast<std::int64_t>(num), static_cast<std::int64_t>(den)}
              : Rational{};
}

/// number * unit, exactly.
Read scaled(std::string_view text, const Decimal& number, std::int64_t num, std::int64_t den) {
  Wide power = 1;
  for (int i = 0; i < number.decimals; ++i) {
    power *= 10;
  }
  bool fits = false;
  const Rational value = reduced(Wide{number.mantissa} * num, power * den, fits);
  if (!fits || number.too_long) {
    return failure(quoted(text) + " is too large or has too many digits");
  }
  return Read{value, {}, {}};
}

Read read_quantity(std::string_view written, Dimension wanted, bool bare_zero) {
  const std::string_view text = trimmed(written);
  const std::optional<Decimal> number = cut_decimal(text);
  if (!number) {
    return failure(expects(wanted) + ", got " + quoted(text));
  }
  const std::string_view unit = trimmed(number->rest);
  if (unit.empty() && bare_zero && number->mantissa == 0 && !number->too_long) {
    return Read{Rational{}, {}, {}};
  }
  if (!unit.empty()) {
    for (const Unit& known : kUnits) {
      if (known.name == unit && known.dimension == wanted) {
        return scaled(text, *number, known.num, known.den);
      }
    }
  } else if (wanted == Dimension::Ratio) {
    return scaled(text, *number, 1, 1);
  }
  return wrong_unit(text, *number, unit, wanted);
}

Parsed<std::int64_t> whole(std::string_view text, const Read& read, std::string_view smallest) {
  if (!read.value) {
    return {std::nullopt, read.error, read.suggestion};
  }
  if (read.value->den != 1) {
    return {std::nullopt, quoted(trimmed(text)) + " is finer than " + std::string(smallest), {}};
  }
  return {read.value->num, {}, {}};
}

Parsed<Rational> fraction(const Read& read) {
  return {read.value, read.error, read.suggestion};
}

Parsed<double> real(const Read& read) {
  if (!read.value) {
    return {std::nullopt, read.error, read.suggestion};
  }
  return {static_cast<double>(read.value->num) / static_cast<double>(read.value->den), {}, {}};
}

struct Step {
  std::int64_t size;
  const char* name;
};

std::string format_whole(std::int64_t value, std::span<const Step> steps) {
  for (const Step& step : steps) {
    if (value != 0 && value % step.size == 0) {
      return std::to_string(value / step.size) + step.name;
    }
  }
  return std::to_string(value) + steps.back().name;
}

}  // namespace

std::string_view dimension_name(Dimension dimension) {
  switch (dimension) {
    case Dimension::Duration:
      return "a duration";
    case Dimension::Frequency:
      return "a frequency";
    case Dimension::Size:
      return "a size";
    case Dimension::Level:
      return "a level";
    case Dimension::Ratio:
      return "a ratio";
    case Dimension::Rate:
      return "a frame rate";
    case Dimension::Number:
      break;
  }
  return "a number";
}

Parsed<std::int64_t> parse_duration_ns(std::string_view text) {
  return whole(text, read_quantity(text, Dimension::Duration, true), "a nanosecond");
}

Parsed<Rational> parse_frequency_hz(std::string_view text) {
  return fraction(read_quantity(text, Dimension::Frequency, false));
}

Parsed<std::int64_t> parse_size_bytes(std::string_view text) {
  return whole(text, read_quantity(text, Dimension::Size, true), "a byte");
}

Parsed<double> parse_level_db(std::string_view text) {
  return real(read_quantity(text, Dimension::Level, false));
}

Parsed<double> parse_ratio(std::string_view text) {
  return real(read_quantity(text, Dimension::Ratio, true));
}

Parsed<Rational> parse_rate_fps(std::string_view text) {
  const std::size_t slash = text.find('/');
  if (slash == std::string_view::npos) {
    return fraction(read_quantity(text, Dimension::Rate, false));
  }
  const std::optional<Decimal> above = cut_decimal(trimmed(text.substr(0, slash)));
  const std::optional<Decimal> below = cut_decimal(trimmed(text.substr(slash + 1)));
  const bool whole_parts = above && below && above->rest.empty() && above->decimals == 0 &&
                           below->decimals == 0 && below->mantissa > 0 && !above->too_long &&
                           !below->too_long;
  if (!whole_parts || trimmed(below->rest) != "fps") {
    return {std::nullopt,
            expects(Dimension::Rate) + ", got " + quoted(trimmed(text)),
            "a fraction is written 30000/1001fps"};
  }
  bool fits = false;
  return {reduced(above->mantissa, below->mantissa, fits), {}, {}};
}

std::string format_duration(std::int64_t ns) {
  static constexpr std::array<Step, 6> kSteps{{{3600 * kSecond, "h"},
                                               {60 * kSecond, "min"},
                                               {kSecond, "s"},
                                               {1'000'000, "ms"},
                                               {1000, "us"},
                                               {1, "ns"}}};
  return format_whole(ns, kSteps);
}

std::string format_size(std::int64_t bytes) {
  static constexpr std::array<Step, 5> kSteps{
      {{1LL << 40, "TiB"}, {1LL << 30, "GiB"}, {1LL << 20, "MiB"}, {1LL << 10, "KiB"}, {1, "B"}}};
  return format_whole(bytes, kSteps);
}

std::string format_frequency(Rational hz) {
  if (hz.den == 1) {
    static constexpr std::array<Step, 3> kSteps{{{1'000'000, "MHz"}, {1000, "kHz"}, {1, "Hz"}}};
    return format_whole(hz.num, kSteps);
  }
  std::array<char, 64> text{};
  const double value = static_cast<double>(hz.num) / static_cast<double>(hz.den);
  const auto end = std::to_chars(text.data(), text.data() + text.size(), value).ptr;
  return std::string(text.data(), end) + "Hz";
}

}  // namespace avrig::spec
