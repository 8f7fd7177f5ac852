// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
//
// What does a voice cost? CPU time per voice and sample of the engine, a hand-blocked loop, a
// read-only pass over the same memory and OpenAL Soft, taking turns; medians of three turns, one
// line of JSON a figure. bench/mixer/measure.py runs it round after round.
//
//     mixer [plain|pitch|fixed|offline|snr]... [voices...]

#include "openal_peer.hpp"
#include "rigs.hpp"
#include "snr.hpp"

#include <algorithm>
#include <cstdlib>
#include <functional>
#include <string>
#include <time.h>
#include <vector>

using namespace avrig::bench;
using avrig::mixer::Quality;
using avrig::mixer::SampleFormat;
using avrig::mixer::Simd;

namespace {

constexpr int kTurns = 3;
constexpr std::uint32_t kManyVoices = 256;  // from here on large pages matter
constexpr std::size_t kBlocks[] = {64, 256, 1024};
constexpr std::size_t kEnough = 20'000'000;  // voice-samples that are timed at once

struct Contender {
  std::string label;
  std::function<double()> time;
};

// All in turn, and again: what disturbs the machine disturbs them alike.
void ask(const std::string& question, const std::vector<Contender>& contenders) {
  std::vector<std::vector<double>> times(contenders.size());
  for (int turn = 0; turn < kTurns; ++turn) {
    for (std::size_t c = 0; c < contenders.size(); ++c) {
      times[c].push_back(contenders[c].time());
    }
  }
  for (std::size_t c = 0; c < contenders.size(); ++c) {
    tell(question, contenders[c].label, "ns", median(times[c]));
  }
}

double time_openal(OpenAlPeer& peer, std::size_t block, int blocks) {
  std::vector<float> rows(2 * block);
  const double begin = cpu_ns();
  for (int b = 0; b < blocks; ++b) {
    peer.render(rows.data(), block);
  }
  return (cpu_ns() - begin) /
         (static_cast<double>(peer.voices()) * static_cast<double>(block) * blocks);
}

std::string name(const std::string& what, std::uint32_t voices, std::size_t block) {
  return what + " " + std::to_string(voices) + " " + std::to_string(block);
}

void plain(const Memory& memory, const std::vector<std::uint32_t>& counts) {
  for (const std::uint32_t voices : counts) {
    auto floats = make_engine(memory, {.voices = voices});
    auto shorts = make_engine(memory, {.voices = voices, .format = SampleFormat::S16});
    auto large = make_engine(memory, {.voices = voices, .large = true});
    std::vector<Plain> blocked = make_plain(memory, voices);
    OpenAlPeer peer(memory.floats.data(), kLength, voices, 1.0F, 1);
    for (const std::size_t block : kBlocks) {
      const int blocks = blocks_for(voices, block, kEnough);
      const int fewer = blocks_for(voices, block, kEnough / 8);
      std::vector<Contender> contenders{{"avrig",
                                         [&] {
                                           return time_engine(*floats, voices, block, blocks);
                                         }},
                                        {"avrig, 16 bits",
                                         [&] {
                                           return time_engine(*shorts, voices, block, blocks);
                                         }},
                                        {"hand-blocked loop",
                                         [&] {
                                           return time_plain(blocked, block, blocks, false);
                                         }},
                                        {"reading alone", [&] {
                                           return time_plain(blocked, block, blocks, true);
                                         }}};
      if (voices >= kManyVoices) {
        contenders.push_back({"avrig, large pages", [&] {
                                return time_engine(*large, voices, block, blocks);
                              }});
      }
      if (peer.voices() == voices) {
        contenders.push_back({"OpenAL Soft", [&] {
                                return time_openal(peer, block, fewer);
                              }});
      }
      ask(name("plain", voices, block), contenders);
    }
  }
}

void pitch(const Memory& memory) {
  struct Way {
    const char* name;
    Quality quality;
    int openal;
  };
  const Way ways[] = {
      {"linear", Quality::Linear, 1}, {"cubic", Quality::Cubic, 2}, {"sinc", Quality::Sinc, 3}};
  for (const std::uint32_t voices : {64U, 256U}) {
    for (const Way& way : ways) {
      const Setup setup{.voices = voices, .pitch = 1.1, .quality = way.quality};
      auto engine = make_engine(memory, setup);
      Setup narrow = setup;
      narrow.format = SampleFormat::S16;
      auto shorts = make_engine(memory, narrow);
      OpenAlPeer peer(memory.floats.data(), kLength, voices, 1.1F, way.openal);
      for (const std::size_t block : kBlocks) {
        const int blocks = blocks_for(voices, block, kEnough / 4);
        const int fewer = blocks_for(voices, block, kEnough / 16);
        ask(name(way.name, voices, block),
            {{"avrig",
              [&] {
                return time_engine(*engine, voices, block, blocks);
              }},
             {"avrig, 16 bits",
              [&] {
                return time_engine(*shorts, voices, block, blocks);
              }},
             {"OpenAL Soft", [&] {
                return time_openal(peer, block, fewer);
              }}});
      }
    }
  }
}

// The three builds of the loops, on data that stays in the cache.
void dispatch(const Memory& memory) {
  const char* names[] = {"linear", "cubic", "sinc", "pitch 1"};
  for (int q = 0; q < 4; ++q) {
    std::vector<std::unique_ptr<avrig::mixer::Engine>> engines;
    std::vector<Contender> contenders;
    const char* builds[] = {"AVX-512", "AVX2", "plain"};
    const Simd kinds[] = {Simd::Avx512, Simd::Avx2, Simd::Plain};
    for (int s = 0; s < 3; ++s) {
      engines.push_back(make_engine(memory,
                                    {.voices = 16,
                                     .pitch = q == 3 ? 1.0 : 1.1,
                                     .quality = static_cast<Quality>(q % 3),
                                     .simd = kinds[s],
                                     .length = 8192}));
      avrig::mixer::Engine& engine = *engines.back();
      if (engine.simd() == kinds[s]) {
        contenders.push_back({builds[s], [&engine] {
                                return time_engine(engine, 16, 256, 500);
                              }});
      }
    }
    ask(std::string("dispatch ") + names[q], contenders);
  }
}

// Short loops that stay in the cache: what is left is the cost of looking at a voice at all.
void fixed_cost(const Memory& memory) {
  auto engine = make_engine(memory, {.voices = 256, .length = 8192});
  ask("fixed", {{"avrig", [&] {
                   const double t16 = time_engine(*engine, 256, 16, 4000) * 16;
                   const double t64 = time_engine(*engine, 256, 64, 2000) * 64;
                   return t16 - (t64 - t16) / 48 * 16;
                 }}});
}

// Wall time of a cycle of 64 samples of 64 voices, rendered as fast as it goes.
void offline(const Memory& memory) {
  auto engine = make_engine(memory, {.voices = 64});
  ask("offline", {{"avrig", [&] {
                     Rows outputs(64);
                     timespec begin{};
                     timespec end{};
                     ::clock_gettime(CLOCK_MONOTONIC, &begin);
                     for (int b = 0; b < 20000; ++b) {
                       engine->render(outputs.get(), 64);
                     }
                     ::clock_gettime(CLOCK_MONOTONIC, &end);
                     return (static_cast<double>(end.tv_sec - begin.tv_sec) * 1e9 +
                             static_cast<double>(end.tv_nsec - begin.tv_nsec)) /
                            20000;
                   }}});
}

}  // namespace

int main(int argc, char** argv) {
  std::vector<std::string> rooms;
  std::vector<std::uint32_t> counts;
  for (int i = 1; i < argc; ++i) {
    if (const int voices = std::atoi(argv[i]); voices > 0) {
      counts.push_back(static_cast<std::uint32_t>(voices));
    } else {
      rooms.emplace_back(argv[i]);
    }
  }
  if (counts.empty()) {
    counts = {1, 16, 64, 256, 1024, 4096};
  }
  const auto wanted = [&rooms](const char* room) {
    return rooms.empty() || std::find(rooms.begin(), rooms.end(), room) != rooms.end();
  };
  const Memory memory(std::max(256U, *std::max_element(counts.begin(), counts.end())));
  if (wanted("plain")) {
    plain(memory, counts);
  }
  if (wanted("pitch")) {
    pitch(memory);
    dispatch(memory);
  }
  if (wanted("fixed")) {
    fixed_cost(memory);
  }
  if (wanted("offline")) {
    offline(memory);
  }
  if (wanted("snr")) {
    measure_snr();
  }
  return 0;
}
