// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include <avrig/dipstream/sound.hpp>
#include <avrig/error.hpp>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <sys/mman.h>

namespace avrig::dipstream {
namespace {

using mixer::SampleFormat;

std::size_t size_of(SampleFormat format) {
  return format == SampleFormat::F32 ? sizeof(float) : sizeof(std::int16_t);
}

[[noreturn]] void refuse(const std::string& what) {
  throw Error(ErrorCode::Spec, "cannot use these samples: " + what);
}

std::int64_t length_of(std::size_t bytes, const SoundShape& shape) {
  if (shape.channels == 0 || shape.channels > 64) {
    refuse(std::to_string(shape.channels) + " channels; 1 to 64 are possible");
  }
  const std::size_t whole = size_of(shape.format) * shape.channels;
  if (bytes == 0) {
    refuse("there are none");
  }
  if (bytes % whole != 0) {
    refuse(std::to_string(bytes) + " bytes are no whole number of samples of " +
           std::to_string(shape.channels) + " channels");
  }
  return static_cast<std::int64_t>(bytes / whole);
}

template <class T>
void sort_out(const std::byte* from, std::byte* to, std::int64_t length, std::uint32_t channels) {
  const auto samples = static_cast<std::size_t>(length);
  for (std::size_t at = 0; at < samples; ++at) {
    for (std::size_t channel = 0; channel < channels; ++channel) {
      std::memcpy(to + (channel * samples + at) * sizeof(T),
                  from + (at * channels + channel) * sizeof(T),
                  sizeof(T));
    }
  }
}

}  // namespace

Sound::~Sound() {
  if (locked_) {
    (void)::munlock(view_.data, bytes());
  }
}

std::size_t Sound::bytes() const noexcept {
  return view_.stride_bytes * view_.channels;
}

void Sound::check() {
  if (mixer::inspect(view_) == mixer::SampleFault::NotFinite) {
    for (std::int64_t at = 0; at < view_.length; ++at) {
      for (std::uint32_t channel = 0; channel < view_.channels; ++channel) {
        float value = 0;
        std::memcpy(&value,
                    static_cast<const std::byte*>(view_.data) + channel * view_.stride_bytes +
                        static_cast<std::size_t>(at) * sizeof value,
                    sizeof value);
        if (!std::isfinite(value)) {
          refuse("sample " + std::to_string(at) + " of channel " + std::to_string(channel + 1) +
                 " is " + (std::isnan(value) ? "no number (NaN)" : "infinite"));
        }
      }
    }
  }
  hold();
}

void Sound::hold() noexcept {
  // A page that is not there would be fetched by the callback. Without the right to lock memory
  // (RLIMIT_MEMLOCK) it is at least there now: inspect() has touched all of it.
  locked_ = ::mlock(view_.data, bytes()) == 0;
}

std::shared_ptr<const Sound> Sound::from_bytes(std::span<const std::byte> bytes,
                                               const SoundShape& shape) {
  auto sound = std::make_shared<Sound>();
  mixer::SampleView& view = sound->view_;
  view.length = length_of(bytes.size(), shape);
  view.channels = shape.channels;
  view.format = shape.format;
  view.stride_bytes = static_cast<std::size_t>(view.length) * size_of(shape.format);
  sound->memory_ = shm::Segment::create("avrig-sound", bytes.size());
  sound->mapped_.emplace(
      *sound->memory_, shm::Mapping::Access::ReadWrite, shm::Mapping::Pages::Large);
  std::byte* own = sound->mapped_->bytes().data();
  view.data = own;
  if (shape.planar || shape.channels == 1) {
    std::copy(bytes.begin(), bytes.end(), own);
  } else if (shape.format == SampleFormat::F32) {
    sort_out<float>(bytes.data(), own, view.length, view.channels);
  } else {
    sort_out<std::int16_t>(bytes.data(), own, view.length, view.channels);
  }
  sound->check();
  return sound;
}

std::shared_ptr<const Sound> Sound::from_memfd(UniqueFd fd, const SoundShape& shape) {
  constexpr int kSeals = F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW;
  const int seals = ::fcntl(fd.get(), F_GET_SEALS);
  if (seals < 0 || (seals & kSeals) != kSeals) {
    refuse(
        "the memory must be a memfd that is sealed against write, shrink and grow "
        "(F_ADD_SEALS): it may not change while it plays");
  }
  shm::Segment segment = shm::Segment::adopt(std::move(fd));
  const bool as_it_lies = shape.planar || shape.channels == 1;
  shm::Mapping mapping(segment,
                       shm::Mapping::Access::ReadOnly,
                       as_it_lies ? shm::Mapping::Pages::Large : shm::Mapping::Pages::Small);
  const auto bytes = std::span<const std::byte>(mapping.bytes()).first(segment.bytes());
  if (!as_it_lies) {
    return from_bytes(bytes, shape);
  }
  auto sound = std::make_shared<Sound>();
  sound->view_.length = length_of(bytes.size(), shape);
  sound->view_.channels = shape.channels;
  sound->view_.format = shape.format;
  sound->view_.stride_bytes = static_cast<std::size_t>(sound->view_.length) * size_of(shape.format);
  sound->view_.data = bytes.data();
  sound->mapped_.emplace(std::move(mapping));
  sound->memory_ = std::move(segment);
  sound->check();
  return sound;
}

std::shared_ptr<const Sound> Sound::from_kept(UniqueFd fd, const mixer::SampleView& shape) {
  auto sound = std::make_shared<Sound>();
  sound->memory_ = shm::Segment::adopt(std::move(fd));
  sound->mapped_.emplace(
      *sound->memory_, shm::Mapping::Access::ReadOnly, shm::Mapping::Pages::Large);
  sound->view_ = shape;
  sound->view_.data = sound->mapped_->bytes().data();
  if (shape.channels == 0 || shape.channels > 64 || shape.length <= 0 ||
      shape.stride_bytes < static_cast<std::size_t>(shape.length) * size_of(shape.format) ||
      sound->bytes() > sound->mapped_->bytes().size()) {
    throw Error(ErrorCode::Open, "this memory does not hold the sound that it should");
  }
  sound->hold();
  return sound;
}

std::shared_ptr<const Sound> SoundCache::get(const std::string& path,
                                             std::uint32_t rate_hz,
                                             bool strict) {
  std::error_code failed;
  const auto changed = std::filesystem::last_write_time(path, failed);
  const std::string key = path + "|" + std::to_string(rate_hz) + "|" +
                          std::to_string(strict ? 1 : 0) + "|" +
                          std::to_string(failed ? 0 : changed.time_since_epoch().count());
  const auto found = std::find_if(
      entries_.begin(), entries_.end(), [&](const Entry& entry) { return entry.key == key; });
  if (found != entries_.end()) {
    std::rotate(found, found + 1, entries_.end());
    return entries_.back().sound;
  }
  entries_.push_back({key, Sound::from_file(path, rate_hz, strict)});
  std::size_t total = 0;
  for (const Entry& entry : entries_) {
    total += entry.sound->bytes();
  }
  while (total > most_bytes_ && entries_.size() > 1) {
    total -= entries_.front().sound->bytes();
    entries_.erase(entries_.begin());
  }
  return entries_.back().sound;
}

}  // namespace avrig::dipstream
