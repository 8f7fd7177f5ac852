// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace avrig::spec {

/// What a quantity measures. `Number` carries no unit.
enum class Dimension { Number, Duration, Frequency, Size, Level, Ratio, Rate };

/// An exact fraction in lowest terms; `den` > 0.
struct Rational {
  std::int64_t num = 0;
  std::int64_t den = 1;
  friend bool operator==(const Rational&, const Rational&) = default;
};

/// A parsed quantity, or what is wrong with the text and which unit would be right.
template <class T>
struct Parsed {
  std::optional<T> value;
  std::string error;       ///< empty when there is a value
  std::string suggestion;  ///< a correct way to write it; may be empty
};

// Each takes a number and a unit ("20ms", "20 ms", "1.5s"), computes exactly, and refuses a missing
// unit, the unit of something else, what does not fit 64 bits and what is finer than the result's
// unit. Nothing is rounded, except a level's decimals.
//
// Thread: any

/// Nanoseconds. Units ns, us, ms, s, min, h; a bare 0 is zero.
[[nodiscard]] Parsed<std::int64_t> parse_duration_ns(std::string_view text);

/// Hertz as a fraction. Units mHz, Hz, kHz, MHz, GHz.
[[nodiscard]] Parsed<Rational> parse_frequency_hz(std::string_view text);

/// Bytes. Units B, kB, MB, GB, TB (powers of 1000), KiB, MiB, GiB, TiB; a bare 0 is zero.
[[nodiscard]] Parsed<std::int64_t> parse_size_bytes(std::string_view text);

/// Decibels.
[[nodiscard]] Parsed<double> parse_level_db(std::string_view text);

/// A plain factor: "50%" and "0.5" are both 0.5.
[[nodiscard]] Parsed<double> parse_ratio(std::string_view text);

/// Frames a second: "30fps", "29.97fps", "30000/1001fps".
[[nodiscard]] Parsed<Rational> parse_rate_fps(std::string_view text);

/// The shortest exact spelling in the largest unit that divides: 500000000 -> "500ms".
[[nodiscard]] std::string format_duration(std::int64_t ns);
[[nodiscard]] std::string format_size(std::int64_t bytes);
[[nodiscard]] std::string format_frequency(Rational hz);

/// "a duration", "a frequency", ...
[[nodiscard]] std::string_view dimension_name(Dimension dimension);

}  // namespace avrig::spec
