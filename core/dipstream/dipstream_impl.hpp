// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include "link.hpp"
#include <avrig/dipstream/dipstream.hpp>
#include <avrig/dipstream/station.hpp>
#include <avrig/mixer/stream.hpp>
#include <avrig/shm/segment.hpp>

#include <atomic>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace avrig::dipstream {

/// A source as its stream knows it; what changes is guarded by the link's mutex.
struct Source::State {
  struct Moment {
    std::int64_t sample = 0;
    double time = 0;
  };

  void hear(const nlohmann::json& event);
  /// A time in stream time as the sample that is heard then.
  [[nodiscard]] mixer::When when(const std::optional<double>& at) const;
  [[nodiscard]] mixer::When when(const std::optional<double>& at,
                                 const Source* other,
                                 const std::optional<double>& offset,
                                 bool with_end) const;
  Scheduled send(const mixer::Command& command, const std::optional<double>& timeout);
  /// Wait until a play has begun, or ended; its moment.
  Moment await(const std::map<std::uint32_t, Moment>& moments, std::uint32_t play);
  void check() const;
  template <class T>
  FeedResult feed(std::span<const T> pcm);

  std::shared_ptr<DipStream::Impl> stream;
  std::uint64_t voice = 0;
  std::vector<unsigned> mapping;
  std::int64_t samples = 0;
  bool in_stream = true;
  std::optional<Moment> started;  // of the last play that began
  std::optional<Moment> ended;
  std::uint32_t play = 0;
  bool looping = false;
  std::map<std::uint32_t, Moment> starts;
  std::map<std::uint32_t, Moment> ends;
  std::map<std::uint32_t, std::string> lost;
  std::optional<shm::Mapping> memory;  // of a stream
  std::mutex feeding;
  std::optional<mixer::StreamFeeder> feeder;
};

struct DipStream::Impl : std::enable_shared_from_this<DipStream::Impl> {
  explicit Impl(const DipStreamOptions& options);
  ~Impl();

  void hear(const nlohmann::json& message);
  void pass_on(const nlohmann::json& message);
  void end();
  void watch();
  void shut();
  /// Throws StreamError when the stream has ended.
  void check_open();
  [[nodiscard]] double time_at(std::int64_t mono_ns) const;
  void wait_until(double moment);
  void check_mapping(const std::vector<unsigned>& mapping) const;
  [[nodiscard]] std::shared_ptr<Source::State> adopt(const nlohmann::json& reply,
                                                     const std::vector<unsigned>& mapping);

  std::unique_ptr<Station> station;  // empty: attached to another's
  std::string path;
  unsigned rate = 0;
  unsigned channels = 0;
  std::function<void()> finished;
  std::mutex telling;
  std::function<void(const Event&)> callback;
  std::map<std::uint64_t, std::shared_ptr<Source::State>> sources;
  std::string failure;
  std::unique_ptr<Link> link;
  std::mutex watching;
  std::condition_variable wake;
  bool ending = false;
  std::thread watcher;
};

}  // namespace avrig::dipstream
