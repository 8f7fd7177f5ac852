// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "dipstream_impl.hpp"
#include <avrig/error.hpp>
#include <avrig/mixer/commands.hpp>
#include <avrig/monotonic.hpp>
#include <avrig/shm/segment.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cmath>
#include <cstring>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

namespace avrig::dipstream {
namespace {

using nlohmann::json;

constexpr std::chrono::milliseconds kLook{20};
constexpr double kLongestSleepSeconds = 0.1;

StationOptions station_of(const DipStreamOptions& options) {
  constexpr std::array kPolicies{"pass", "clamp", "limit", "fault"};
  const auto* policy = std::find(kPolicies.begin(), kPolicies.end(), options.clip);
  if (policy == kPolicies.end()) {
    throw std::invalid_argument("clip is one of pass, clamp, limit, fault, not " + options.clip);
  }
  if (options.channels == 0 || options.channels > mixer::kMaxOutputs) {
    throw std::invalid_argument("channels are 1 to 255, not " + std::to_string(options.channels));
  }
  StationOptions station;
  station.device = options.device == "null" ? "null" : "jack";
  station.connect = options.device.empty() || options.device == "null" ? "auto" : options.device;
  station.server = options.server;
  station.name = options.name;
  station.channels = options.channels;
  station.rate_hz = options.samplerate;
  station.period = options.blocksize;
  station.clip = static_cast<mixer::ClipPolicy>(policy - kPolicies.begin());
  station.limiter = station.clip == mixer::ClipPolicy::Limit ? 64 : 0;
  station.bias_s = options.bias;
  return station;
}

/// One channel after the other, sealed, so that the mixer shares it instead of copying.
UniqueFd sealed(std::span<const float> samples, std::size_t channels) {
  UniqueFd fd(::memfd_create("dipstream", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  const std::size_t bytes = samples.size_bytes();
  if (!fd || ::ftruncate(fd.get(), static_cast<off_t>(bytes)) != 0) {
    throw StreamError(std::string("no memory for these samples: ") + std::strerror(errno));
  }
  void* memory = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd.get(), 0);
  if (memory == MAP_FAILED) {
    throw StreamError(std::string("no memory for these samples: ") + std::strerror(errno));
  }
  auto* out = static_cast<float*>(memory);
  const std::size_t length = samples.size() / channels;
  for (std::size_t channel = 0; channel < channels; ++channel) {
    for (std::size_t at = 0; at < length; ++at) {
      *out++ = samples[at * channels + channel];
    }
  }
  (void)::munmap(memory, bytes);
  (void)::fcntl(fd.get(), F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL);
  return fd;
}

json request_of(const std::vector<unsigned>& mapping, const SourceOptions& options) {
  json request = {{"gain_db", options.gain_db},
                  {"pan", options.pan},
                  {"pitch", options.pitch},
                  {"quality", options.quality},
                  {"bus", options.bus},
                  {"on_owner_exit", options.on_owner_exit},
                  {"on_gap", options.on_gap}};
  if (!options.name.empty()) {
    request["name"] = options.name;
  }
  if (!mapping.empty()) {
    request["channels"] = mapping;
  }
  return request;
}

json object_of(const std::string& text) {
  json request = json::parse(text, nullptr, false);
  if (!request.is_object()) {
    throw std::invalid_argument("a request is a JSON object, such as {\"do\": \"now\"}");
  }
  return request;
}

Event event_of(const json& message) {
  Event event;
  event.kind = message.value("event", "");
  event.state = message.value("state", "");
  event.name = message.value("name", "");
  event.reason = message.value("reason", "");
  event.voice = message.value("voice", std::uint64_t{0});
  event.play = message.value("play", 0U);
  event.sample = message.value("sample", std::int64_t{-1});
  event.time = message.value("time", 0.0);
  event.mono_ns = message.value("mono_ns", std::int64_t{0});
  event.sigma_ns = message.value("sigma_ns", std::int64_t{0});
  event.error_samples = message.value("error", std::int64_t{0});
  event.late = message.value("late", std::int64_t{0});
  event.value = message.value("value", std::int64_t{0});
  event.level = message.value("level", 0.0);
  event.epoch = message.value("epoch", std::uint64_t{0});
  return event;
}

}  // namespace

// The stream itself -----------------------------------------------------------------------------

DipStream::Impl::Impl(const DipStreamOptions& options) : finished(options.finished_callback) {
  if (options.attach.empty()) {
    try {
      station = std::make_unique<Station>(station_of(options));
    } catch (const Error& error) {
      throw StreamError(error.what());
    }
    path = station->path();
  } else {
    path = options.attach;
  }
  link = std::make_unique<Link>(
      path,
      [this](const json& message) { hear(message); },
      [this](const json& message) { pass_on(message); },
      [this] { end(); });
  link->begin_session();
  (void)link->ask({{"do", "subscribe"}, {"events", "mine"}});
  const json info = link->ask({{"do", "info"}});
  rate = info.at("samplerate").get<unsigned>();
  channels = info.at("channels").get<unsigned>();
  if (options.samplerate != 0 && options.samplerate != rate) {
    throw std::invalid_argument("the mixer runs at " + std::to_string(rate) + " Hz");
  }
  if (station) {
    watcher = std::thread([this] { watch(); });
  }
}

DipStream::Impl::~Impl() {
  shut();
}

// Sources outlive the stream as handles, which then say that it has ended.
void DipStream::Impl::shut() {
  link->shut();
  {
    // From here on nobody is called back.
    const std::lock_guard<std::mutex> lock(telling);
    callback = nullptr;
  }
  {
    const std::lock_guard<std::mutex> lock(watching);
    ending = true;
  }
  wake.notify_all();
  if (watcher.joinable()) {
    watcher.join();
  }
  station.reset();
}

void DipStream::Impl::watch() {
  std::unique_lock<std::mutex> lock(watching);
  while (!wake.wait_for(lock, kLook, [this] { return ending; })) {
    if (!station->look()) {
      {
        const std::lock_guard<std::mutex> state(link->mutex());
        failure = station->why();
      }
      link->shut();
      return;
    }
  }
}

void DipStream::Impl::hear(const json& message) {
  if (message.value("state", "") != "predicted") {
    return;
  }
  if (message.value("event", "") == "fault") {
    failure = "the sum of the sources clipped: peak " +
              std::to_string(message.value("level", 0.0)) + "; the stream is silent";
  }
  const auto found = sources.find(message.value("voice", std::uint64_t{0}));
  if (found != sources.end()) {
    found->second->hear(message);
    if (!found->second->in_stream) {
      sources.erase(found);  // whoever has a handle keeps it
    }
  }
}

void DipStream::Impl::pass_on(const json& message) {
  const std::lock_guard<std::mutex> lock(telling);
  if (callback) {
    callback(event_of(message));
  }
}

void DipStream::Impl::end() {
  std::function<void()> last;
  last.swap(finished);
  if (last) {
    last();
  }
}

void DipStream::Impl::check_open() {
  const std::lock_guard<std::mutex> lock(link->mutex());
  if (!failure.empty()) {
    throw StreamError(failure);
  }
  if (link->closed()) {
    throw StreamError("the stream has ended");
  }
}

// Exact however long the answer took: it carries the instant that it is for.
double DipStream::Impl::time_at(std::int64_t mono_ns) const {
  const json now = link->ask({{"do", "now"}});
  const auto passed = static_cast<double>(mono_ns - now.at("mono_ns").get<std::int64_t>());
  return now.at("now").get<double>() + passed / now.at("ns_per_sample").get<double>() / rate;
}

void DipStream::Impl::wait_until(double moment) {
  for (;;) {
    check_open();
    const double left = moment - time_at(monotonic_ns());
    if (left <= 0) {
      return;
    }
    std::this_thread::sleep_for(
        std::chrono::duration<double>(std::min(left, kLongestSleepSeconds)));
  }
}

std::shared_ptr<Source::State> DipStream::Impl::adopt(const json& reply,
                                                      const std::vector<unsigned>& mapping) {
  auto state = std::make_shared<Source::State>();
  state->stream = shared_from_this();
  state->voice = reply.at("voice").get<std::uint64_t>();
  state->mapping = mapping;
  state->samples = reply.at("length").get<std::int64_t>();
  const std::lock_guard<std::mutex> lock(link->mutex());
  sources[state->voice] = state;
  return state;
}

void DipStream::Impl::check_mapping(const std::vector<unsigned>& mapping) const {
  for (const unsigned channel : mapping) {
    if (channel < 1 || channel > channels ||
        std::count(mapping.begin(), mapping.end(), channel) > 1) {
      throw std::invalid_argument("channel " + std::to_string(channel) +
                                  ": each at most once, counted from 1 to " +
                                  std::to_string(channels));
    }
  }
}

DipStream::DipStream(const DipStreamOptions& options) : impl_(std::make_shared<Impl>(options)) {}

DipStream::~DipStream() {
  impl_->shut();
  const std::lock_guard<std::mutex> lock(impl_->link->mutex());
  impl_->sources.clear();
}

double DipStream::now() const {
  return impl_->time_at(monotonic_ns());
}

double DipStream::time_of(std::int64_t mono_ns) const {
  return impl_->time_at(mono_ns);
}

double DipStream::latency() const {
  return impl_->link->ask({{"do", "info"}}).at("latency").get<double>();
}

void DipStream::wait_until_time(double moment) const {
  impl_->wait_until(moment);
}

unsigned DipStream::samplerate() const {
  return impl_->rate;
}

unsigned DipStream::channels() const {
  return impl_->channels;
}

std::vector<unsigned> DipStream::all_channels() const {
  std::vector<unsigned> all;
  for (unsigned channel = 1; channel <= impl_->channels; ++channel) {
    all.push_back(channel);
  }
  return all;
}

unsigned DipStream::current_blocksize() const {
  return impl_->link->ask({{"do", "info"}}).at("current_blocksize").get<unsigned>();
}

Source DipStream::add(unsigned samplerate,
                      std::span<const float> samples,
                      const std::vector<unsigned>& mapping,
                      const SourceOptions& options) {
  impl_->check_open();
  if (samplerate != impl_->rate) {
    throw std::invalid_argument("the samples have " + std::to_string(samplerate) +
                                " Hz, the stream has " + std::to_string(impl_->rate) + " Hz");
  }
  impl_->check_mapping(mapping);
  const std::size_t columns = options.data_channels;
  const bool fits = columns == 1 || columns == mapping.size();
  if (samples.empty() || mapping.empty() || !fits || samples.size() % columns != 0) {
    throw std::invalid_argument(std::to_string(samples.size()) + " numbers in " +
                                std::to_string(columns) + " channels cannot go to " +
                                std::to_string(mapping.size()));
  }
  for (const float sample : samples) {
    if (!std::isfinite(sample)) {
      throw std::invalid_argument("the samples have a number that is not finite");
    }
  }
  json request = request_of(mapping, options);
  request["do"] = "add";
  request["memfd"] = true;
  request["data_channels"] = columns;
  request["layout"] = "planar";
  const UniqueFd fd = sealed(samples, columns);
  return Source(impl_->adopt(impl_->link->ask(std::move(request), fd.get()), mapping));
}

Source DipStream::add_file(const std::string& path,
                           const std::vector<unsigned>& mapping,
                           const SourceOptions& options,
                           bool strict) {
  impl_->check_open();
  impl_->check_mapping(mapping);
  json request = request_of(mapping, options);
  request["do"] = "add";
  request["path"] = path;
  request["strict"] = strict;
  return Source(impl_->adopt(impl_->link->ask(std::move(request)), mapping));
}

Source DipStream::open_stream(const std::vector<unsigned>& mapping,
                              double buffer_seconds,
                              const SourceOptions& options) {
  impl_->check_open();
  impl_->check_mapping(mapping);
  json request = request_of(mapping, options);
  request["do"] = "open_stream";
  request["buffer_seconds"] = buffer_seconds;
  request["data_channels"] = mapping.size();
  request["shared"] = true;
  Link::Reply reply = impl_->link->take(impl_->link->post(std::move(request)), std::nullopt);
  if (!reply.what.value("ok", false) || !reply.fd) {
    throw StreamError(reply.what.value("error", "the mixer gave no memory for the stream"));
  }
  std::shared_ptr<Source::State> state = impl_->adopt(reply.what, mapping);
  state->memory.emplace(shm::Segment::adopt(std::move(reply.fd)), shm::Mapping::Access::ReadWrite);
  state->feeder.emplace(mixer::stream_in(state->memory->bytes().data(),
                                         static_cast<std::uint32_t>(mapping.size()),
                                         reply.what.at("capacity").get<std::uint64_t>(),
                                         mixer::SampleFormat::F32));
  return Source(std::move(state));
}

bool DipStream::contains(const Source& source) const {
  const std::lock_guard<std::mutex> lock(impl_->link->mutex());
  const auto found = impl_->sources.find(source.state_->voice);
  return found != impl_->sources.end() && found->second == source.state_ &&
         source.state_->in_stream;
}

void DipStream::remove(const Source& source) {
  if (!contains(source)) {
    throw StreamError("the source is not in the stream");
  }
  if (source.is_playing()) {
    throw StreamError("the source is playing; stop it first");
  }
  (void)impl_->link->ask({{"do", "remove"}, {"voice", source.voice()}});
  const std::lock_guard<std::mutex> lock(impl_->link->mutex());
  source.state_->in_stream = false;
  impl_->sources.erase(source.state_->voice);
}

void DipStream::clear_sources() {
  (void)impl_->link->ask({{"do", "clear_sources"}});
  const std::lock_guard<std::mutex> lock(impl_->link->mutex());
  for (auto& [voice, state] : impl_->sources) {
    state->in_stream = false;
  }
  impl_->sources.clear();
}

void DipStream::subscribe(std::function<void(const Event&)> callback, bool all) {
  {
    const std::lock_guard<std::mutex> lock(impl_->telling);
    impl_->callback = std::move(callback);
  }
  (void)impl_->link->ask({{"do", "subscribe"}, {"events", all ? "all" : "mine"}});
}

std::string DipStream::request(const std::string& text) {
  return impl_->link->ask(object_of(text)).dump();
}

void DipStream::tell(const std::string& text) {
  impl_->link->tell(object_of(text));
}

const std::string& DipStream::socket() const {
  return impl_->path;
}

std::string DipStream::failed() const {
  const std::lock_guard<std::mutex> lock(impl_->link->mutex());
  return impl_->failure;
}

}  // namespace avrig::dipstream
