// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "jack_writer.hpp"

#include <avrig/control_folder.hpp>
#include <avrig/error.hpp>
#include <avrig/fd_limit.hpp>
#include <avrig/monotonic.hpp>

#include <algorithm>
#include <cmath>
#include <fcntl.h>
#include <map>
#include <sys/mman.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

namespace avrig::jack_writer {
namespace {

using nlohmann::json;

// Sound kept ahead of the device: stalls shorter than this are not heard.
constexpr double kAheadSeconds = 0.35;
// Blocks that lie in it, or are on their way, stay in the ring: a successor plays them.
constexpr std::uint32_t kHolds = 48;

constexpr const char* kPlace = "writer-place";
constexpr const char* kConnections = "writer-connections";
constexpr std::int64_t kFirstWaitsNs = 2'000'000'000, kSuccessorWaitsNs = 10'000'000'000;

/// The launcher, as a mixer's memory needs it.
class StageKeeper final : public dipstream::Keeper {
 public:
  explicit StageKeeper(stage::StageIo& io) noexcept : io_(&io) {}
  bool keep(const std::string& name, int fd) noexcept override { return io_->keep(name, fd); }
  void forget(const std::string& name) noexcept override { io_->forget(name); }
  std::map<std::string, UniqueFd>& kept() noexcept override { return io_->kept(); }

 private:
  stage::StageIo* io_;
};

std::vector<jack::Connection> read_connections(int fd) {
  std::string text(1 << 16, ' ');
  const ssize_t count = ::pread(fd, text.data(), text.size(), 0);
  const json list = json::parse(
      text.substr(0, static_cast<std::size_t>(std::max<ssize_t>(count, 0))), nullptr, false);
  std::vector<jack::Connection> all;
  for (const json& one : list.is_array() ? list : json::array()) {
    all.push_back({one.at(0).get<std::uint32_t>(), one.at(1).get<std::string>()});
  }
  return all;
}

}  // namespace

std::vector<stage::ParameterDescription> JackWriter::parameters(const stage::Request&) {
  std::vector<stage::ParameterDescription> all{
      stage::parameter("client", "string", "", "JACK client name; empty = avrig-STAGE"),
      stage::parameter("connect",
                       "string",
                       "auto",
                       "auto = the physical outputs, none, or a pattern of input port names"),
      stage::parameter(
          "outputs", "int", "0", "output ports; 0 = as many as the sound has channels"),
      stage::parameter("gain", "level", "0dB", "of the pipeline's sound"),
      stage::parameter("mute", "bool", "false", "of the pipeline's sound"),
      stage::parameter("bias",
                       "duration",
                       "0ms",
                       "delay behind the server's account, measured with a cable: added to all "
                       "times at the output; may be negative"),
      stage::parameter("bus", "string", "Master", "of the pipeline's sound"),
      stage::parameter("buses",
                       "any",
                       "",
                       "NAME: {gain, mute, solo, send_to}, beside Master, Music, SFX, "
                       "Voice, UI"),
      stage::parameter("sources", "any", "", "NAME: {path, channels, gain, bus, pan, pitch, ...}"),
      stage::parameter("cues",
                       "any",
                       "",
                       "what happens to the sources, from the first sample of the stream on: see "
                       "docs/dipstream.md"),
      stage::parameter("tcp", "string", "", "a port: the mixer listens on 127.0.0.1 too"),
      stage::parameter("folder", "path", ".", "where the sources' files lie"),
      stage::parameter("to", "path", "", "offline: a file (wav) for what would have been heard"),
      stage::parameter("rate", "frequency", "48kHz", "offline: the rate of that file")};
  all[2].minimum = "0";
  all[2].maximum = "255";
  all[3].live = true;
  all[4].live = true;
  all[5].minimum = "-10s";
  all[5].maximum = "10s";
  all[5].live = true;
  return all;
}

stage::Description JackWriter::describe(const stage::Request& request) {
  const json with = json::parse(request.parameters);
  options_.server = request.jack_server;
  options_.name = with.value("client", "");
  if (options_.name.empty()) {
    options_.name = "avrig-" + request.id;
  }
  options_.connect = with.value("connect", "auto");
  id_ = request.id;
  run_dir_ = request.run_dir;
  outputs_ = with.value("outputs", 0U);
  gain_db_ = with.value("gain", 0.0);
  mute_ = with.value("mute", false);
  bias_ns_ = with.value("bias", std::int64_t{0});
  bus_ = with.value("bus", "Master");
  if (const std::string tcp = with.value("tcp", ""); !tcp.empty()) {
    tcp_ = dipstream::parse_tcp(tcp);
  }
  terms_ = read_terms(with, with.value("folder", "."));
  to_ = with.value("to", "");
  if (const auto rate = with.find("rate"); rate != with.end() && rate->is_number()) {
    rate_hz_ = static_cast<std::uint32_t>(rate->get<double>());
  }
  offline_ = request.offline;
  stage::Description description;
  description.work = stage::Work::Looker;
  description.parameters = parameters(request);
  stage::InputPort port;
  port.name = "in";
  port.accepts.media = AVRIG_MEDIA_AUDIO;
  port.holds = kHolds;
  // A section of the group's block for the clock map; sound that is presented may not skip.
  port.presents = true;
  description.inputs.push_back(port);
  return description;
}

stage::Configured JackWriter::configure(std::span<const avrig_format> inputs,
                                        std::span<const stage::Wish>) {
  channels_ = inputs[0].channels;
  stage::Configured out;
  out.holds.assign(inputs.size(), kHolds);
  return out;
}

void JackWriter::make_mixer(stage::StageIo& io) {
  const PipelineMixer::Shape shape{rate_hz_, channels_, outputs_, bus_};
  mixer_ = std::make_unique<PipelineMixer>(
      shape,
      terms_,
      [&io](const std::string& text) { io.log(stage::Level::Warning, text); },
      keeper_.get());
  if (mixer_->restored()) {
    io.log(stage::Level::Info, "the mixer has what its predecessor had");
    mixer_->know_gain(gain_db_, mute_);
    mixer_->set_bias(bias_ns_);
    return;
  }
  if (!offline_ && section_.started != 0) {
    mixer_->go_on(section_.anchor_frame, section_.last_frame);
  } else {
    mixer_->begin();
  }
  if (gain_db_ != 0) {
    mixer_->set_gain(gain_db_);
  }
  if (mute_) {
    mixer_->set_mute(true);
  }
  mixer_->set_bias(bias_ns_);
  mixer_->turn(0);
  mixer_->host().settle();
}

// The path is the same for a successor, so that experiments find it again.
void JackWriter::open_socket(stage::StageIo& io) {
  const std::string run = run_dir_.substr(run_dir_.find_last_of('/') + 1).substr(0, 40);
  const std::string path = control_folder() + "/" + run + "." + std::to_string(::getppid()) + "." +
                           id_.substr(0, 24) + ".mix";
  try {
    mixer_->open(path, tcp_);
    io.log(stage::Level::Info, "the mixer listens at " + path);
    if (mixer_->tcp_port() != 0) {
      io.log(stage::Level::Info,
             "the mixer listens on 127.0.0.1:" + std::to_string(mixer_->tcp_port()));
    }
  } catch (const Error& error) {
    io.log(stage::Level::Warning, std::string("nobody can reach the mixer: ") + error.what());
  }
}

void JackWriter::set_parameter(const std::string& name, const std::string& value) {
  if (name == "gain") {
    mixer_->set_gain(json::parse(value).get<double>());
  } else if (name == "mute") {
    mixer_->set_mute(value == "true");
  } else if (name == "bias") {
    mixer_->set_bias(json::parse(value).get<std::int64_t>());
  } else {
    stage::Stage::set_parameter(name, value);
  }
}

void JackWriter::open_client(std::int64_t newest_frame) {
  options_.channels = std::max(outputs_, channels_);
  client_ = std::make_unique<jack::OutputClient>(options_);
  rate_hz_ = client_->rate_hz();
  if (mixer_) {
    mixer_->host().expect_new_device();
    client_->play(mixer_->host());
  }
  client_->activate(newest_frame);
}

// A server that has just begun may refuse its first client; a successor may come while a private
// server is coming back as well.
void JackWriter::open_client_within(std::int64_t patience_ns, std::int64_t newest_frame) {
  constexpr timespec kPause{0, 100'000'000};
  const std::int64_t until_ns = monotonic_ns() + patience_ns;
  for (;;) {
    try {
      open_client(newest_frame);
      return;
    } catch (const Error&) {
      if (monotonic_ns() > until_ns) {
        throw;
      }
      ::nanosleep(&kPause, nullptr);
    }
  }
}

// Where on the device's timeline a predecessor's stream began, and what it was connected to.
void JackWriter::find_place(stage::StageIo& io) {
  if (io.sync_block() != nullptr) {
    block_.emplace(*io.sync_block(), io.assignment().sync_section);
    section_ = block_->own();
  }
  if (offline_) {
    return;
  }
  raise_fd_limit();
  keeper_ = std::make_unique<StageKeeper>(io);
  options_.take_over = io.assignment().generation > 0;
  auto& kept = io.kept();
  if (const auto found = kept.find(kConnections); found != kept.end()) {
    options_.restore = read_connections(found->second.get());
    kept.erase(found);
  }
  if (!block_) {
    const auto found = kept.find(kPlace);
    const shm::Segment segment =
        found != kept.end()
            ? shm::Segment::adopt(UniqueFd(::fcntl(found->second.get(), F_DUPFD_CLOEXEC, 0)))
            : shm::SyncBlock::create(1, 0);
    (void)io.keep(kPlace, segment.fd());
    own_place_.emplace(segment, 0);
    section_ = own_place_->own();
  }
}

void JackWriter::keep_place() {
  if (block_) {
    block_->write(section_);
  }
  if (own_place_) {
    own_place_->write(section_);
  }
}

// Also those that somebody makes by hand while we run.
void JackWriter::keep_connections(stage::StageIo& io) {
  if (client_->lost() || !client_->connections_changed()) {
    return;
  }
  json list = json::array();
  for (const jack::Connection& one : client_->connections()) {
    list.push_back({one.output, one.port});
  }
  const std::string text = list.dump();
  const UniqueFd file(::memfd_create("avrig-connections", MFD_CLOEXEC));
  if (file &&
      ::pwrite(file.get(), text.data(), text.size(), 0) == static_cast<ssize_t>(text.size())) {
    (void)io.keep(kConnections, file.get());
  }
}

void JackWriter::prepare(stage::StageIo& io) {
  find_place(io);
  if (block_) {
    section_.role = shm::SyncRole::AudioWriter;
    section_.media = AVRIG_MEDIA_AUDIO;
  }
  if (!offline_) {
    const bool succeeds = io.assignment().generation > 0;
    open_client_within(succeeds ? kSuccessorWaitsNs : kFirstWaitsNs, section_.last_frame);
  }
  make_mixer(io);
  fifo_ =
      std::make_unique<SampleFifo>(channels_, static_cast<std::uint32_t>(kAheadSeconds * rate_hz_));
  live_ = std::make_unique<PipelineInput>(*fifo_, channels_);
  if (offline_) {
    mixer_->host().set_live(live_.get());  // from the first sample on: position 0 is sample 0
    mixer_->send_cues(0);
    mixer_->host().settle();
  } else {
    client_->play(mixer_->host());
    open_socket(io);
  }
  playback_ = std::make_unique<Playback>(io, 0, rate_hz_, *fifo_);
}

void JackWriter::run(stage::StageIo& io) {
  if (offline_) {
    run_offline(io);
  } else {
    run_live(io);
  }
}

void JackWriter::run_offline(stage::StageIo& io) {
  OfflineOutput output(to_, rate_hz_, mixer_->host(), *fifo_, io.assignment().generation > 0);
  bool placed_first = false;
  while (!playback_->ended() && !io.abandoned()) {
    if (io.ordered()) {
      io.apply_orders();
    }
    if (!placed_first) {
      if (const auto first = playback_->first_capture_ns()) {
        begin_offline(output, *first);
        placed_first = true;
      }
    }
    if (!placed_first || !playback_->work()) {
      output.render();
      mixer_->turn(0);
      playback_->release();
      if (!playback_->ended()) {
        (void)io.wait(io.waiter(), [&] { return playback_->can_work(); });
      }
    }
  }
  output.render();
  playback_->release();
  output.finish();
  io.log(stage::Level::Info,
         "rendered " + std::to_string(output.samples()) + " samples" +
             (output.samples() == 0 && !to_.empty() ? "; there is no '" + to_ + "'" : ""));
}

// Sample 0 is the stream's first. A successor renders again, unheard, what was rendered before the
// first block that it finds, so that its sources and cues come to where they were.
void JackWriter::begin_offline(OfflineOutput& output, std::int64_t first_capture_ns) {
  const std::int64_t counted_ns = playback_->first_offset_ns();
  media0_ns_ = section_.started != 0 ? section_.media0_ns : first_capture_ns - counted_ns;
  if (block_ && section_.started == 0) {
    section_.media0_ns = media0_ns_;
    section_.started = 1;
    block_->write(section_);
  }
  playback_->set_origin(media0_ns_);
  const std::int64_t begin =
      std::llround(static_cast<double>(first_capture_ns - media0_ns_) * rate_hz_ * 1e-9);
  if (begin <= 0) {
    return;
  }
  fifo_->reset(begin);
  for (std::int64_t at = 0; at < begin;) {
    at = std::min<std::int64_t>(at + rate_hz_, begin);
    output.render_to(at);
    mixer_->turn(0);
  }
}

}  // namespace avrig::jack_writer
