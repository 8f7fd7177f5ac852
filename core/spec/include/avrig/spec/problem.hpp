// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

namespace avrig::spec {

/// A place in a pipeline file. `line` and `column` count from 1, columns in characters; line 0
/// means the file (or the command-line option named in `file`) as a whole.
struct SourcePosition {
  std::string file;
  int line = 0;
  int column = 0;
};

/// "rig.yaml:7:5", or just the file where no line is known.
///
/// Thread: any
[[nodiscard]] std::string to_string(const SourcePosition& position);

enum class Severity { Error, Warning };

/// One thing that is wrong with a spec, and what to do about it.
struct Problem {
  SourcePosition position;
  Severity severity = Severity::Error;
  std::string text;        ///< what was seen, on which stage or key
  std::string suggestion;  ///< what to do; may be empty
};

/// Whether any of these forbids the run (warnings do not).
[[nodiscard]] bool has_errors(std::span<const Problem> problems);

/// A pipeline file's text, kept so that problems found later can still show their line.
struct SourceText {
  std::string file;
  std::string text;
  std::vector<std::size_t> line_starts;  ///< byte offset of each line; filled by make_source()

  /// Line `number` (from 1) without its end; empty when there is none.
  [[nodiscard]] std::string_view line(int number) const;
};

[[nodiscard]] SourceText make_source(std::string file, std::string text);

/// One problem as the user reads it: place, text, the source line with a caret, the suggestion.
///
///     rig.yaml:7:5: error: unknown key 'proces' in stage 'blur'
///        7 |     proces: gaussian-blur
///          |     ^
///          = did you mean 'process'?
///
/// Control characters are shown as blanks and long lines are cut around the caret.
///
/// Thread: any
[[nodiscard]] std::string render(const Problem& problem, const SourceText& source);

/// All problems in the order of the file, errors and warnings, at most `limit` of them and then how
/// many more there are.
[[nodiscard]] std::string render(std::span<const Problem> problems,
                                 const SourceText& source,
                                 std::size_t limit = 50);

/// `text`, cut at a character's end with "..." where it is longer than `limit` bytes: for messages
/// that quote what a file says.
[[nodiscard]] std::string shortened(std::string_view text, std::size_t limit = 60);

/// The candidate that `word` was probably meant to be, by edit distance; empty when none is near.
///
/// Looks at the first 256 candidates and at words of at most 64 characters, so that a hostile file
/// cannot make it slow.
[[nodiscard]] std::string closest(std::string_view word, std::span<const std::string> candidates);

/// "did you mean 'x'?" for the closest candidate, or a short list of them, or nothing.
[[nodiscard]] std::string did_you_mean(std::string_view word,
                                       std::span<const std::string> candidates);

/// {"file","line","column","severity","text","suggestion"}, as `avrig validate --json` prints it.
/// A file's name may be no UTF-8: dump() with error_handler_t::replace.
void to_json(nlohmann::json& json, const Problem& problem);

}  // namespace avrig::spec
