// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include <avrig/spec/problem.hpp>

#include <algorithm>
#include <array>
#include <numeric>

#include <nlohmann/json.hpp>

namespace avrig::spec {
namespace {

constexpr std::size_t kMaxWord = 64;
constexpr std::size_t kMaxCandidates = 256;
constexpr std::size_t kShownColumns = 100;

/// One character of a line: how many bytes it has, and what to print for it (one cell).
struct Character {
  std::size_t bytes;
  std::string shown;
};

Character character_at(std::string_view line, std::size_t i) {
  const auto byte = static_cast<unsigned char>(line[i]);
  if (byte < 0x20U || byte == 0x7FU) {
    return {1, " "};
  }
  if (byte < 0x80U) {
    return {1, std::string(1, line[i])};
  }
  const std::size_t length = byte >= 0xF0U ? 4 : byte >= 0xE0U ? 3 : 2;
  bool whole = byte >= 0xC2U && byte <= 0xF4U && i + length <= line.size();
  for (std::size_t k = 1; whole && k < length; ++k) {
    whole = (static_cast<unsigned char>(line[i + k]) & 0xC0U) == 0x80U;
  }
  return whole ? Character{length, std::string(line.substr(i, length))} : Character{1, "?"};
}

/// The source line, cut around the caret, and the caret below it.
std::string render_line(std::string_view line, const SourcePosition& position) {
  const auto caret = static_cast<std::size_t>(std::max(position.column, 1) - 1);
  const std::size_t begin = caret + 10 > kShownColumns ? caret - kShownColumns / 2 : 0;
  std::string number = std::to_string(position.line);
  number.insert(0, number.size() < 4 ? 4 - number.size() : 0, ' ');
  std::string shown = begin > 0 ? "..." : "";
  std::size_t column = 0;
  std::size_t i = 0;
  for (; i < line.size() && column < begin + kShownColumns; ++column) {
    const Character character = character_at(line, i);
    i += character.bytes;
    if (column >= begin) {
      shown += character.shown;
    }
  }
  shown += i < line.size() ? "..." : "";
  const std::size_t indent = caret - begin + (begin > 0 ? 3 : 0);
  return number + " | " + shown + "\n" + std::string(number.size(), ' ') + " | " +
         std::string(indent, ' ') + "^\n";
}

/// Optimal string alignment distance: edits, and swapped neighbours as one.
std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::array<std::array<std::size_t, kMaxWord + 1>, 3> row{};
  std::iota(row[1].begin(), row[1].end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    auto& before = row[(i + 2) % 3];
    auto& previous = row[i % 3];
    auto& current = row[(i + 1) % 3];
    current[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t change = a[i - 1] == b[j - 1] ? 0 : 1;
      current[j] = std::min({previous[j] + 1, current[j - 1] + 1, previous[j - 1] + change});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        current[j] = std::min(current[j], before[j - 2] + 1);
      }
    }
  }
  return row[(a.size() + 1) % 3][b.size()];
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  }
  return out;
}

}  // namespace

std::string to_string(const SourcePosition& position) {
  if (position.line <= 0) {
    return position.file;
  }
  return position.file + ":" + std::to_string(position.line) + ":" +
         std::to_string(position.column);
}

bool has_errors(std::span<const Problem> problems) {
  return std::any_of(problems.begin(), problems.end(), [](const Problem& problem) {
    return problem.severity == Severity::Error;
  });
}

std::string_view SourceText::line(int number) const {
  if (number < 1 || static_cast<std::size_t>(number) > line_starts.size()) {
    return {};
  }
  const std::size_t begin = line_starts[static_cast<std::size_t>(number) - 1];
  std::size_t end = text.find('\n', begin);
  end = end == std::string::npos ? text.size() : end;
  if (end > begin && text[end - 1] == '\r') {
    --end;
  }
  return std::string_view(text).substr(begin, end - begin);
}

SourceText make_source(std::string file, std::string text) {
  SourceText source{std::move(file), std::move(text), {0}};
  for (std::size_t i = 0; i < source.text.size(); ++i) {
    if (source.text[i] == '\n') {
      source.line_starts.push_back(i + 1);
    }
  }
  return source;
}

std::string render(const Problem& problem, const SourceText& source) {
  const char* severity = problem.severity == Severity::Error ? "error" : "warning";
  std::string out = to_string(problem.position);
  out += out.empty() ? "" : ": ";
  out += std::string(severity) + ": " + problem.text + "\n";
  if (problem.position.line > 0 && problem.position.file == source.file) {
    out += render_line(source.line(problem.position.line), problem.position);
  }
  if (!problem.suggestion.empty()) {
    out += "     = " + problem.suggestion + "\n";
  }
  return out;
}

std::string render(std::span<const Problem> problems, const SourceText& source, std::size_t limit) {
  std::vector<const Problem*> order;
  order.reserve(problems.size());
  for (const Problem& problem : problems) {
    order.push_back(&problem);
  }
  std::stable_sort(order.begin(), order.end(), [](const Problem* a, const Problem* b) {
    return std::pair(a->position.line, a->position.column) <
           std::pair(b->position.line, b->position.column);
  });
  std::string out;
  for (std::size_t i = 0; i < std::min(limit, order.size()); ++i) {
    out += render(*order[i], source);
  }
  if (order.size() > limit) {
    out += "... and " + std::to_string(order.size() - limit) + " more\n";
  }
  return out;
}

std::string shortened(std::string_view text, std::size_t limit) {
  if (text.size() <= limit) {
    return std::string(text);
  }
  while (limit > 0 && (static_cast<unsigned char>(text[limit]) & 0xC0U) == 0x80U) {
    --limit;
  }
  return std::string(text.substr(0, limit)) + "...";
}

std::string closest(std::string_view word, std::span<const std::string> candidates) {
  if (word.empty() || word.size() > kMaxWord) {
    return {};
  }
  const std::string wanted = lower(word);
  std::string best;
  std::size_t best_distance = std::max<std::size_t>(1, word.size() / 3) + 1;
  for (const std::string& candidate :
       candidates.first(std::min(candidates.size(), kMaxCandidates))) {
    if (candidate.empty() || candidate.size() > kMaxWord || candidate == word) {
      continue;
    }
    const std::size_t distance = edit_distance(wanted, lower(candidate));
    if (distance < best_distance) {
      best_distance = distance;
      best = candidate;
    }
  }
  return best;
}

std::string did_you_mean(std::string_view word, std::span<const std::string> candidates) {
  const std::string near = closest(word, candidates);
  if (!near.empty()) {
    return "did you mean '" + near + "'?";
  }
  if (candidates.empty() || candidates.size() > 16) {
    return {};
  }
  std::string out = "known here: ";
  for (std::size_t i = 0; i < candidates.size(); ++i) {
    out += (i == 0 ? "" : ", ") + candidates[i];
  }
  return out;
}

void to_json(nlohmann::json& json, const Problem& problem) {
  json = nlohmann::json{{"file", problem.position.file},
                        {"line", problem.position.line},
                        {"column", problem.position.column},
                        {"severity", problem.severity == Severity::Error ? "error" : "warning"},
                        {"text", problem.text},
                        {"suggestion", problem.suggestion}};
}

}  // namespace avrig::spec
