// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "rigs.hpp"

#include <avrig/mixer/commands.hpp>

#include <algorithm>
#include <cstdio>
#include <ctime>

using namespace avrig::mixer;

namespace avrig::bench {

double cpu_ns() {
  timespec now{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e9 + static_cast<double>(now.tv_nsec);
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

Rows::Rows(std::size_t samples) : memory_(2 * (samples + 32)), rows_{} {
  auto* first = reinterpret_cast<float*>((reinterpret_cast<std::uintptr_t>(memory_.data()) + 63) &
                                         ~std::uintptr_t{63});
  rows_[0] = first;
  rows_[1] = first + (samples + 15) / 16 * 16;
}

Memory::Memory(std::size_t voices)
    : floats(voices * static_cast<std::size_t>(kLength)),
      shorts(voices * static_cast<std::size_t>(kLength)),
      segment_(shm::Segment::create("bench-sounds", floats.size() * sizeof(float))),
      mapped_(segment_, shm::Mapping::Access::ReadWrite, shm::Mapping::Pages::Large) {
  for (std::size_t i = 0; i < floats.size(); ++i) {
    shorts[i] = static_cast<std::int16_t>((i * 7919) % 2000 - 1000);
    floats[i] = static_cast<float>(shorts[i]) / 32768.0F;
  }
  std::copy(floats.begin(), floats.end(), reinterpret_cast<float*>(mapped_.bytes().data()));
}

namespace {

std::int64_t first_sample(std::uint32_t voice, std::int64_t length) {
  return (voice * 7919) % (length - 4096);
}

}  // namespace

std::unique_ptr<Engine> make_engine(const Memory& memory, const Setup& setup) {
  EngineConfig config;
  config.voices = setup.voices;
  config.actions = 2 * setup.voices + 64;
  config.sources = setup.voices;
  config.event_capacity = 8 * setup.voices + 64;
  config.simd = setup.simd;
  auto engine = std::make_unique<Engine>(config);
  const float* floats = setup.large ? memory.large() : memory.floats.data();
  for (std::uint32_t v = 0; v < setup.voices; ++v) {
    SampleView view;
    const std::size_t first = v * static_cast<std::size_t>(setup.length);
    view.data = setup.format == SampleFormat::F32
                    ? static_cast<const void*>(floats + first)
                    : static_cast<const void*>(memory.shorts.data() + first);
    view.length = setup.length;
    view.channels = 1;
    view.format = setup.format;
    engine->set_samples(v, view);
    Command add = add_voice(make_voice(v, 1), v, {0, 1});
    add.as.add.pitch = setup.pitch;
    add.as.add.quality = setup.quality;
    add.as.add.gain_db = setup.gain_db;
    add.as.add.pan = static_cast<float>(v % 21) / 10.0F - 1.0F;
    engine->apply(add);
    engine->apply(start(make_voice(v, 1), now(), kLoopForever, first_sample(v, setup.length)));
  }
  return engine;
}

std::vector<Plain> make_plain(const Memory& memory, std::uint32_t voices) {
  std::vector<Plain> plain;
  for (std::uint32_t v = 0; v < voices; ++v) {
    plain.push_back({memory.floats.data() + v * static_cast<std::size_t>(kLength),
                     kLength,
                     static_cast<std::size_t>(first_sample(v, kLength)),
                     0.01F,
                     0.008F});
  }
  return plain;
}

int blocks_for(std::uint32_t voices, std::size_t block, std::size_t samples) {
  return static_cast<int>(std::max<std::size_t>(8, samples / (voices * block)));
}

double time_engine(Engine& engine, std::uint32_t voices, std::size_t block, int blocks) {
  Rows outputs(block);
  const double begin = cpu_ns();
  for (int b = 0; b < blocks; ++b) {
    engine.render(outputs.get(), block);
  }
  return (cpu_ns() - begin) / (static_cast<double>(voices) * static_cast<double>(block) * blocks);
}

double time_plain(std::vector<Plain>& voices, std::size_t block, int blocks, bool only_read) {
  volatile float sum = 0.0F;  // keeps the reading from being optimised away
  Rows rows(block);
  const double begin = cpu_ns();
  for (int b = 0; b < blocks; ++b) {
    if (only_read) {
      sum = sum + read_only(voices.data(), voices.size(), block);
    } else {
      hand_blocked(voices.data(), voices.size(), rows.get()[0], rows.get()[1], block);
    }
  }
  return (cpu_ns() - begin) /
         (static_cast<double>(voices.size()) * static_cast<double>(block) * blocks);
}

void tell(const std::string& question, const std::string& label, const char* unit, double value) {
  std::printf("{\"question\": \"%s\", \"label\": \"%s\", \"%s\": %.6g}\n",
              question.c_str(),
              label.c_str(),
              unit,
              value);
}

}  // namespace avrig::bench
