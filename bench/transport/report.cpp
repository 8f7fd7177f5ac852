// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "harness.hpp"

#include <algorithm>
#include <cstdio>

namespace avrig::bench {
namespace {

double quantile_us(const std::vector<std::uint32_t>& sorted_ns, double share) {
  if (sorted_ns.empty()) {
    return 0;
  }
  const auto place = static_cast<std::size_t>(share * static_cast<double>(sorted_ns.size()));
  return sorted_ns[std::min(place, sorted_ns.size() - 1)] / 1e3;
}

double ratio(std::uint64_t part, std::uint64_t whole) {
  return whole == 0 ? 0 : static_cast<double>(part) / static_cast<double>(whole);
}

// CPU that others used meanwhile, in per cent of one CPU: what this run's processes did not.
double foreign_percent(const Board& board, const Sent& sent) {
  const std::uint64_t own = sent.cpu_ns + board.receiver_cpu_ns + board.middle_cpu_ns.load();
  const std::uint64_t busy = sent.after.busy_ns - sent.before.busy_ns;
  const double others = static_cast<double>(busy) - static_cast<double>(own);
  const auto stolen = static_cast<double>(sent.after.steal_ns - sent.before.steal_ns);
  return std::max(0.0, others + stolen) / static_cast<double>(sent.wall_ns) * 100;
}

}  // namespace

void print_result(const Options& options, Board& board, const Sent& sent) {
  std::vector<std::uint32_t> sorted;
  if (options.mode == "paced" && board.measured > 1) {
    const std::uint64_t kept = std::min<std::uint64_t>(board.measured - 1, Board::kMostLatencies);
    sorted.assign(board.latency_ns, board.latency_ns + kept);
    std::sort(sorted.begin(), sorted.end());
  }
  const double seconds = static_cast<double>(board.last_ns - board.first_ns) / 1e9;
  const double rate = seconds > 0 ? static_cast<double>(board.measured) / seconds : 0;
  std::printf(
      R"({"name":"%s","mode":"%s","wait":"%s","size":%zu,"touch":%d,"messages":%llu,"seconds":%.3f,)"
      R"("messages_per_s":%.1f,"gb_per_s":%.4f,"p50_us":%.3f,"p99_us":%.3f,"max_us":%.3f,)"
      R"("sender_cpu_us":%.4f,"receiver_cpu_us":%.4f,"middle_cpu_us":%.4f,)"
      R"("sender_sleeps":%llu,"receiver_sleeps":%llu,"lost":%llu,"foreign_percent":%.1f})"
      "\n",
      options.name.c_str(),
      options.mode.c_str(),
      options.wait.c_str(),
      options.size,
      options.touch ? 1 : 0,
      static_cast<unsigned long long>(board.measured),
      seconds,
      rate,
      rate * static_cast<double>(options.size) / 1e9,
      quantile_us(sorted, 0.5),
      quantile_us(sorted, 0.99),
      sorted.empty() ? 0.0 : sorted.back() / 1e3,
      ratio(sent.cpu_ns, sent.messages) / 1e3,
      ratio(board.receiver_cpu_ns, board.measured) / 1e3,
      ratio(board.middle_cpu_ns.load(), board.measured) / 1e3,
      static_cast<unsigned long long>(sent.sleeps),
      static_cast<unsigned long long>(board.receiver_sleeps),
      static_cast<unsigned long long>(board.lost),
      foreign_percent(board, sent));
  std::fflush(stdout);
}

}  // namespace avrig::bench
