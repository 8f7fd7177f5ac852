// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "dipstream_impl.hpp"
#include <avrig/mixer/commands.hpp>

#include <cmath>

namespace avrig::dipstream {
namespace {

using mixer::Command;
using mixer::CommandKind;
using nlohmann::json;

constexpr std::size_t kRememberedPlays = 64;
constexpr double kLongestSeconds = 1e9;
constexpr double kLongestFadeSeconds = 60;

std::int64_t samples_of(double seconds, unsigned rate, const char* what) {
  if (!(std::abs(seconds) <= kLongestSeconds)) {
    throw std::invalid_argument(std::string(what) + " must be a time in seconds");
  }
  return std::llround(seconds * rate);
}

std::uint32_t fade_of(double seconds, unsigned rate) {
  if (!(seconds >= 0) || seconds > kLongestFadeSeconds) {
    throw std::invalid_argument("a fade or ramp lasts 0 to 60 s");
  }
  return static_cast<std::uint32_t>(std::llround(seconds * rate));
}

template <class Map>
void forget_old(Map& map) {
  while (map.size() > kRememberedPlays) {
    map.erase(map.begin());
  }
}

}  // namespace

// Called with the link's mutex held.
void Source::State::hear(const json& event) {
  const std::string kind = event.value("event", "");
  const auto number = event.value("play", 0U);
  const Moment moment{event.value("sample", std::int64_t{0}), event.value("time", 0.0)};
  if (kind == "started") {
    starts[number] = moment;
    play = number;
    started = moment;
    ended.reset();
  } else if (kind == "ended") {
    ends[number] = moment;
    if (number == play) {
      ended = moment;
    }
  } else if (kind == "cancelled" || kind == "dropped") {
    lost[number] = event.value("text", kind);
  } else if (kind == "removed") {
    in_stream = false;
  }
  forget_old(starts);
  forget_old(ends);
  forget_old(lost);
}

void Source::State::check() const {
  stream->check_open();
  const std::lock_guard<std::mutex> lock(stream->link->mutex());
  if (!in_stream) {
    throw StreamError("the source is not in the stream any more");
  }
}

mixer::When Source::State::when(const std::optional<double>& at) const {
  if (!at) {
    return mixer::now();
  }
  const json info = stream->link->ask({{"do", "info"}});
  return mixer::at(samples_of(*at - info.at("bias").get<double>(), stream->rate, "at") -
                   info.at("latency_samples").get<std::int64_t>());
}

mixer::When Source::State::when(const std::optional<double>& at,
                                const Source* other,
                                const std::optional<double>& offset,
                                bool with_end) const {
  if (at && (other != nullptr || offset)) {
    throw std::invalid_argument("'at' cannot be combined with another source or an offset");
  }
  if (other == nullptr) {
    if (offset) {
      throw std::invalid_argument("an offset needs another source");
    }
    return when(at);
  }
  if (other->state_.get() == this) {
    throw std::invalid_argument("a source cannot be scheduled against itself");
  }
  if (other->state_->stream != stream) {
    throw std::invalid_argument("the other source is in another stream");
  }
  other->state_->check();
  const std::int64_t later = samples_of(offset.value_or(0), stream->rate, "with_offset");
  return with_end ? mixer::with_end(other->voice(), later)
                  : mixer::with_start(other->voice(), later);
}

Scheduled Source::State::send(const Command& command, const std::optional<double>& timeout) {
  const json answer = stream->link->command(command, timeout);
  if (answer.value("event", "") == "refused") {
    const std::string text = answer.value("text", "the mixer refused");
    const std::string reason = answer.value("reason", "");
    if (reason == "bad index" || reason == "bad value" || reason == "bad time") {
      throw std::invalid_argument(text);
    }
    throw StreamError(text);
  }
  return {answer.value("sample", std::int64_t{-1}),
          answer.value("time", 0.0),
          answer.value("mono_ns", std::int64_t{0}),
          answer.value("play", 0U)};
}

Source::State::Moment Source::State::await(const std::map<std::uint32_t, Moment>& moments,
                                           std::uint32_t number) {
  stream->link->wait([&] {
    return moments.count(number) != 0 || lost.count(number) != 0 || !stream->failure.empty();
  });
  {
    const std::lock_guard<std::mutex> lock(stream->link->mutex());
    if (const auto found = moments.find(number); found != moments.end()) {
      return found->second;
    }
    if (const auto found = lost.find(number); found != lost.end()) {
      throw StreamError("it did not happen: " + found->second);
    }
  }
  stream->check_open();
  throw StreamError("it did not happen");
}

std::uint64_t Source::voice() const {
  return state_->voice;
}

unsigned Source::samplerate() const {
  return state_->stream->rate;
}

std::vector<unsigned> Source::channel_mapping() const {
  return state_->mapping;
}

double Source::data_duration() const {
  return static_cast<double>(state_->samples) / state_->stream->rate;
}

std::optional<double> Source::start_time() const {
  const std::lock_guard<std::mutex> lock(state_->stream->link->mutex());
  return state_->started ? std::optional(state_->started->time) : std::nullopt;
}

std::optional<double> Source::end_time() const {
  const std::lock_guard<std::mutex> lock(state_->stream->link->mutex());
  return state_->ended ? std::optional(state_->ended->time) : std::nullopt;
}

std::optional<double> Source::playback_duration() const {
  const std::lock_guard<std::mutex> lock(state_->stream->link->mutex());
  if (!state_->started || !state_->ended) {
    return std::nullopt;
  }
  return static_cast<double>(state_->ended->sample - state_->started->sample) /
         state_->stream->rate;
}

bool Source::is_playing() const {
  const std::lock_guard<std::mutex> lock(state_->stream->link->mutex());
  return state_->started && !state_->ended;
}

bool Source::is_looping() const {
  const std::lock_guard<std::mutex> lock(state_->stream->link->mutex());
  return state_->started && !state_->ended && state_->looping;
}

Scheduled Source::start(const Start& how) {
  state_->check();
  const mixer::When when = state_->when(how.at, how.start_with, how.with_offset, false);
  Command command = mixer::start(
      state_->voice, when, how.loop ? mixer::kLoopForever : mixer::kNoLoop, how.starting_idx);
  command.as.start.fade = fade_of(how.fade, state_->stream->rate);
  const Scheduled scheduled = state_->send(command, how.timeout);
  {
    const std::lock_guard<std::mutex> lock(state_->stream->link->mutex());
    state_->looping = how.loop;
  }
  if (!how.wait) {
    return scheduled;
  }
  const State::Moment moment = state_->await(state_->starts, scheduled.play);
  state_->stream->wait_until(moment.time);
  return {moment.sample, moment.time, scheduled.mono_ns, scheduled.play};
}

Scheduled Source::stop(const Stop& how) {
  state_->check();
  const mixer::When when = state_->when(how.at, how.stop_with, how.with_offset, true);
  const std::uint32_t fade = fade_of(how.fade, state_->stream->rate);
  std::uint32_t last = 0;
  {
    const std::lock_guard<std::mutex> lock(state_->stream->link->mutex());
    last = state_->play;
  }
  Scheduled scheduled =
      state_->send(mixer::faded(CommandKind::Stop, state_->voice, when, fade), how.timeout);
  scheduled.play = scheduled.play != 0 ? scheduled.play : last;
  if (!how.wait || scheduled.play == 0) {
    return scheduled;
  }
  const State::Moment moment = state_->await(state_->ends, scheduled.play);
  state_->stream->wait_until(moment.time);
  return {moment.sample, moment.time, scheduled.mono_ns, scheduled.play};
}

Scheduled Source::pause(const Change& how) {
  state_->check();
  const std::uint32_t fade = fade_of(how.ramp, state_->stream->rate);
  return state_->send(mixer::pause(state_->voice, state_->when(how.at), fade), how.timeout);
}

Scheduled Source::resume(const Change& how) {
  state_->check();
  const std::uint32_t fade = fade_of(how.ramp, state_->stream->rate);
  return state_->send(mixer::resume(state_->voice, state_->when(how.at), fade), how.timeout);
}

Scheduled Source::set_gain(double db, const Change& how) {
  state_->check();
  const std::uint32_t ramp = fade_of(how.ramp, state_->stream->rate);
  return state_->send(mixer::set_gain(state_->voice, db, state_->when(how.at), ramp), how.timeout);
}

Scheduled Source::set_pan(double pan, const Change& how) {
  state_->check();
  const std::uint32_t ramp = fade_of(how.ramp, state_->stream->rate);
  return state_->send(mixer::set_pan(state_->voice, pan, state_->when(how.at), ramp), how.timeout);
}

Scheduled Source::set_pitch(double pitch, const Change& how) {
  state_->check();
  return state_->send(mixer::set_pitch(state_->voice, pitch, state_->when(how.at)), how.timeout);
}

// Buses have names with the desk alone.
Scheduled Source::set_bus(const std::string& bus, const Change& how) {
  state_->check();
  json request = {{"do", "set"},
                  {"voice", state_->voice},
                  {"bus", bus},
                  {"ramp", fade_of(how.ramp, state_->stream->rate)}};
  if (how.at) {
    request["at"] = *how.at;
  }
  const json answer = state_->stream->link->ask(std::move(request));
  return {answer.value("sample", std::int64_t{-1}),
          answer.value("time", 0.0),
          answer.value("mono_ns", std::int64_t{0}),
          answer.value("play", 0U)};
}

template <class T>
FeedResult Source::State::feed(std::span<const T> pcm) {
  check();
  const std::lock_guard<std::mutex> lock(feeding);
  if (!feeder) {
    throw std::invalid_argument("this source is no stream");
  }
  if (pcm.size() % mapping.size() != 0) {
    throw std::invalid_argument("a chunk must be whole samples of " +
                                std::to_string(mapping.size()) + " channels");
  }
  const mixer::FeedResult result = feeder->feed(pcm);
  if (result.status == mixer::FeedStatus::Closed) {
    throw StreamError("the stream was closed");
  }
  return {result.taken, result.status == mixer::FeedStatus::WouldBlock};
}

FeedResult Source::feed(std::span<const float> pcm) {
  for (const float sample : pcm) {
    if (!std::isfinite(sample)) {
      throw std::invalid_argument("the chunk has a number that is not finite");
    }
  }
  return state_->feed(pcm);
}

FeedResult Source::feed(std::span<const std::int16_t> pcm) {
  return state_->feed(pcm);
}

void Source::close() {
  state_->check();
  const std::lock_guard<std::mutex> lock(state_->feeding);
  if (!state_->feeder) {
    throw std::invalid_argument("this source is no stream");
  }
  state_->feeder->close();
}

}  // namespace avrig::dipstream
