// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
//
// What does a voice cost? ns of CPU time per voice and sample: the engine beside a hand-blocked
// loop and a read-only pass over the same memory, interleaved, median of the repeats.

#include "hand_blocked.hpp"
#if defined(AVRIG_BENCH_OPENAL)
#include "openal_peer.hpp"
#endif
#include <avrig/mixer/commands.hpp>
#include <avrig/mixer/engine.hpp>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <functional>
#include <memory>
#include <string>
#include <vector>

using namespace avrig::mixer;

namespace {

constexpr std::int64_t kLength = 48000;

double cpu_ns() {
  timespec now{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e9 + static_cast<double>(now.tv_nsec);
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

struct Memory {
  explicit Memory(std::size_t voices, std::int64_t length = kLength)
      : floats(voices * static_cast<std::size_t>(length)),
        shorts(voices * static_cast<std::size_t>(length)) {
    for (std::size_t i = 0; i < floats.size(); ++i) {
      shorts[i] = static_cast<std::int16_t>((i * 7919) % 2000 - 1000);
      floats[i] = static_cast<float>(shorts[i]) / 32768.0F;
    }
  }
  std::vector<float> floats;
  std::vector<std::int16_t> shorts;
};

struct Setup {
  double pitch = 1.0;
  Quality quality = Quality::Linear;
  SampleFormat format = SampleFormat::F32;
  Simd simd = Simd::Auto;
};

std::unique_ptr<Engine> make_engine(const Memory& memory,
                                    std::uint32_t voices,
                                    std::int64_t length,
                                    const Setup& setup) {
  EngineConfig config;
  config.voices = voices;
  config.actions = 2 * voices + 64;
  config.sources = voices;
  config.event_capacity = 8 * voices + 64;
  config.simd = setup.simd;
  auto engine = std::make_unique<Engine>(config);
  for (std::uint32_t v = 0; v < voices; ++v) {
    SampleView view;
    const std::size_t first = v * static_cast<std::size_t>(length);
    view.data = setup.format == SampleFormat::F32
                    ? static_cast<const void*>(memory.floats.data() + first)
                    : static_cast<const void*>(memory.shorts.data() + first);
    view.length = length;
    view.channels = 1;
    view.format = setup.format;
    engine->set_samples(v, view);
    Command add = add_voice(make_voice(v, 1), v, {0, 1});
    add.as.add.pitch = setup.pitch;
    add.as.add.quality = setup.quality;
    add.as.add.gain_db = -40.0F;
    add.as.add.pan = static_cast<float>(v % 21) / 10.0F - 1.0F;
    engine->apply(add);
    engine->apply(start(make_voice(v, 1), now(), kLoopForever, (v * 7919) % (length - 4096)));
  }
  return engine;
}

// ns per voice and sample of `blocks` blocks.
double time_engine(Engine& engine, std::uint32_t voices, std::size_t block, int blocks) {
  std::vector<float> rows[2] = {std::vector<float>(block), std::vector<float>(block)};
  float* outputs[2] = {rows[0].data(), rows[1].data()};
  const double begin = cpu_ns();
  for (int b = 0; b < blocks; ++b) {
    engine.render(outputs, block);
  }
  return (cpu_ns() - begin) / (static_cast<double>(voices) * static_cast<double>(block) * blocks);
}

double time_plain(std::vector<avrig::bench::Plain>& voices,
                  std::size_t block,
                  int blocks,
                  bool only_read) {
  float sum = 0.0F;
  std::vector<float> l(block);
  std::vector<float> r(block);
  const double begin = cpu_ns();
  for (int b = 0; b < blocks; ++b) {
    if (only_read) {
      sum += avrig::bench::read_only(voices.data(), voices.size(), block);
    } else {
      avrig::bench::hand_blocked(voices.data(), voices.size(), l.data(), r.data(), block);
    }
  }
  const double spent = cpu_ns() - begin;
  if (sum == 1.234F) {
    std::printf("-");  // keeps the sums from being optimised away
  }
  return spent / (static_cast<double>(voices.size()) * static_cast<double>(block) * blocks);
}

int blocks_for(std::uint32_t voices, std::size_t block) {
  return static_cast<int>(std::max<std::size_t>(8, 20'000'000 / (voices * block)));
}

void plain_table(const Memory& memory, const std::vector<std::uint32_t>& counts, int repeats) {
  std::printf("mono to stereo, pitch 1, gain and pan, distinct memory: ns per voice and sample\n");
  std::printf("%7s %6s %9s %9s %9s %9s %7s\n",
              "voices",
              "block",
              "engine",
              "engine16",
              "blocked4",
              "read",
              "ratio");
  for (const std::uint32_t voices : counts) {
    auto engine = make_engine(memory, voices, kLength, {});
    auto shorts = make_engine(memory, voices, kLength, {.format = SampleFormat::S16});
    std::vector<avrig::bench::Plain> plain;
    for (std::uint32_t v = 0; v < voices; ++v) {
      plain.push_back({memory.floats.data() + v * static_cast<std::size_t>(kLength),
                       kLength,
                       static_cast<std::size_t>((v * 7919) % (kLength - 4096)),
                       0.01F,
                       0.008F});
    }
    for (const std::size_t block : {std::size_t{64}, std::size_t{256}, std::size_t{1024}}) {
      const int blocks = blocks_for(voices, block);
      std::vector<double> times[4];
      for (int i = 0; i < repeats; ++i) {
        times[0].push_back(time_engine(*engine, voices, block, blocks));
        times[1].push_back(time_engine(*shorts, voices, block, blocks));
        times[2].push_back(time_plain(plain, block, blocks, false));
        times[3].push_back(time_plain(plain, block, blocks, true));
      }
      std::printf("%7u %6zu %9.3f %9.3f %9.3f %9.3f %7.2f\n",
                  voices,
                  block,
                  median(times[0]),
                  median(times[1]),
                  median(times[2]),
                  median(times[3]),
                  median(times[0]) / median(times[2]));
    }
  }
}

void pitch_table(const Memory& memory, int repeats) {
  std::printf("\npitch 1.1, 64 voices, block 256: ns per voice and sample\n");
  std::printf("%8s %9s %9s %9s\n", "", "avx512", "avx2", "plain");
  const char* names[] = {"linear", "cubic", "sinc16"};
  for (int q = 0; q < 3; ++q) {
    std::vector<double> times[3];
    std::unique_ptr<Engine> engines[3];
    const Simd kinds[] = {Simd::Avx512, Simd::Avx2, Simd::Plain};
    for (int s = 0; s < 3; ++s) {
      engines[s] =
          make_engine(memory,
                      64,
                      kLength,
                      {.pitch = 1.1, .quality = static_cast<Quality>(q), .simd = kinds[s]});
    }
    for (int i = 0; i < repeats; ++i) {
      for (int s = 0; s < 3; ++s) {
        times[s].push_back(time_engine(*engines[s], 64, 256, 200));
      }
    }
    std::printf(
        "%8s %9.3f %9.3f %9.3f\n", names[q], median(times[0]), median(times[1]), median(times[2]));
  }
}

#if defined(AVRIG_BENCH_OPENAL)
double time_openal(avrig::bench::OpenAlPeer& peer, std::size_t block, int blocks) {
  std::vector<float> rows(2 * block);
  const double begin = cpu_ns();
  for (int b = 0; b < blocks; ++b) {
    peer.render(rows.data(), block);
  }
  return (cpu_ns() - begin) /
         (static_cast<double>(peer.voices()) * static_cast<double>(block) * blocks);
}

void openal_table(const Memory& memory, int repeats) {
  constexpr std::uint32_t kVoices = 256;
  std::printf("\nbeside OpenAL Soft, 256 voices: ns per voice and sample\n");
  std::printf("%12s %6s %9s %9s %7s\n", "", "block", "engine", "openal", "times");
  struct Row {
    const char* name;
    float pitch;
    Quality quality;
    int resampler;
  };
  const Row rows[] = {{"pitch 1", 1.0F, Quality::Linear, 1},
                      {"linear 1.1", 1.1F, Quality::Linear, 1},
                      {"cubic 1.1", 1.1F, Quality::Cubic, 2},
                      {"sinc 1.1", 1.1F, Quality::Sinc, 3}};
  for (const Row& row : rows) {
    auto engine = make_engine(memory,
                              kVoices,
                              kLength,
                              {.pitch = static_cast<double>(row.pitch), .quality = row.quality});
    avrig::bench::OpenAlPeer peer(memory.floats.data(), kLength, kVoices, row.pitch, row.resampler);
    for (const std::size_t block : {std::size_t{64}, std::size_t{256}, std::size_t{1024}}) {
      std::vector<double> ours;
      std::vector<double> theirs;
      const int blocks = blocks_for(kVoices, block) / 4;
      for (int i = 0; i < repeats; ++i) {
        ours.push_back(time_engine(*engine, kVoices, block, blocks));
        theirs.push_back(time_openal(peer, block, blocks));
      }
      std::printf("%12s %6zu %9.3f %9.3f %7.1f\n",
                  row.name,
                  block,
                  median(ours),
                  median(theirs),
                  median(theirs) / median(ours));
    }
  }
}
#endif

void fixed_cost(const Memory& memory, int repeats) {
  // Short loops that stay in the cache: what is left is the cost of looking at a voice at all.
  std::printf("\nfixed cost per voice and block (from blocks of 16 and 64 samples, warm):");
  auto engine = make_engine(memory, 256, 8192, {});
  std::vector<double> fixed;
  for (int i = 0; i < repeats; ++i) {
    const double t16 = time_engine(*engine, 256, 16, 20000) * 16;
    const double t64 = time_engine(*engine, 256, 64, 10000) * 64;
    fixed.push_back(t16 - (t64 - t16) / 48 * 16);
  }
  std::printf(" %.1f ns\n", median(fixed));
}

}  // namespace

int main(int argc, char** argv) {
  const int repeats = argc > 1 ? std::max(1, std::atoi(argv[1])) : 7;
  std::vector<std::uint32_t> counts{16, 64, 256, 1024};
  if (argc > 2) {
    counts.clear();
    for (int i = 2; i < argc; ++i) {
      counts.push_back(static_cast<std::uint32_t>(std::max(1, std::atoi(argv[i]))));
    }
  }
  const Memory memory(std::max(256U, *std::max_element(counts.begin(), counts.end())));
  plain_table(memory, counts, repeats);
  pitch_table(memory, repeats);
#if defined(AVRIG_BENCH_OPENAL)
  openal_table(memory, repeats);
#endif
  fixed_cost(memory, repeats);
  return 0;
}
