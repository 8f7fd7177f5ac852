// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include <avrig/spec/pipeline_spec.hpp>
#include <avrig/spec/problem.hpp>

#include <string>
#include <vector>

namespace avrig::spec {

/// The largest pipeline file that is read.
inline constexpr std::size_t kMaxFileBytes = std::size_t{1} << 20;
/// How deep maps and lists may nest, aliases followed.
inline constexpr int kMaxDepth = 32;
/// How many values a file may hold once its aliases are followed; long texts count more than once.
inline constexpr std::size_t kMaxNodes = 200'000;

/// What came out of a pipeline file: as much of the spec as could be read, and all that is wrong.
struct ParseResult {
  PipelineSpec spec;
  std::vector<Problem> problems;
  SourceText source;

  [[nodiscard]] bool ok() const { return !has_errors(problems); }
  /// All problems as the user reads them.
  [[nodiscard]] std::string rendered() const { return render(problems, source); }
};

/// Read a pipeline from text. `file` is what messages call it; relative paths count from `folder`
/// (empty: the working directory). Structural checks (check()) are included.
///
/// Any bytes are an acceptable input; nothing is thrown for what is in them.
///
/// Thread: any
[[nodiscard]] ParseResult parse_text(std::string text, std::string file, std::string folder = {});

/// Read a pipeline file; one that cannot be opened is a problem as well.
[[nodiscard]] ParseResult parse_file(const std::string& path);

/// parse_file() for those who only want a good spec.
///
/// Throws: Error(ErrorCode::Spec) whose text is all the rendered problems.
[[nodiscard]] PipelineSpec load(const std::string& path);

}  // namespace avrig::spec
