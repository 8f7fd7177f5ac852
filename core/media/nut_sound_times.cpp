// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "nut_sound_times.hpp"

#include "muxer_target.hpp"

#include <cstdint>
#include <string_view>

extern "C" {
#include <libavformat/avformat.h>
}

namespace avrig::media {
namespace {

constexpr std::string_view kMagic = "nut/multimedia container";

// libavformat computes with eight times the rate in an int.
constexpr int kHighestRate = INT32_MAX / 8;

}  // namespace

NutSoundTimes::NutSoundTimes(AVFormatContext& context, MuxerTarget& target)
    : context_(context), target_(target) {
  const bool watched = target.watch_first_write([this](std::span<const std::uint8_t> bytes) {
    in_order_ =
        std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size()) == kMagic;
    put_back();
  });
  if (!watched) {
    return;
  }
  for (unsigned i = 0; i < context.nb_streams; ++i) {
    int& rate = context.streams[i]->codecpar->sample_rate;
    rates_.push_back(rate);
    if (rate > 0 && rate < kHighestRate) {
      rate *= kHighestRate / rate;
    }
  }
}

NutSoundTimes::~NutSoundTimes() {
  target_.unwatch();
  put_back();
}

void NutSoundTimes::put_back() noexcept {
  for (std::size_t i = 0; i < rates_.size(); ++i) {
    context_.streams[i]->codecpar->sample_rate = rates_[i];
  }
  rates_.clear();
}

}  // namespace avrig::media
