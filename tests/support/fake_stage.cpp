// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors

// A stage program for the launcher's tests: reader, processor or writer by its request, without any
// media library. Frames are rows of two numbers: the frame's number, and that of the process that
// made it. What it is to do wrong is in its parameters.

#include <avrig/error.hpp>
#include <avrig/monotonic.hpp>
#include <avrig/stage/stage.hpp>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <sys/mman.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

namespace {

using namespace avrig;
using nlohmann::json;
using stage::ParameterDescription;

ParameterDescription parameter(const char* name, const char* type, const char* usual) {
  ParameterDescription result;
  result.name = name;
  result.type = type;
  result.default_text = usual;
  return result;
}

avrig_format rows_format() {
  avrig_format format{};
  format.struct_size = sizeof format;
  format.media = AVRIG_MEDIA_FEATURES;
  format.columns = 2;
  format.max_rows = 1;
  std::strcpy(format.column_names, "number,generation");
  return format;
}

class FakeStage final : public stage::Stage {
 public:
  std::vector<ParameterDescription> parameters(const stage::Request&) override {
    std::vector<ParameterDescription> list{
        parameter("frames", "int", "100"),        // reader: then it ends; 0 = never
        parameter("period", "duration", "0"),     // reader: from frame to frame
        parameter("crash-at", "int", "-1"),       // SIGSEGV with this frame in hand
        parameter("crash-every", "int", "0"),     // SIGSEGV with every n-th frame in hand
        parameter("crash-once", "int", "-1"),     // the same, the first process alone
        parameter("exit-at", "int", "-1"),        // exit(7) with this frame in hand
        parameter("fail-at", "int", "-1"),        // a disk that is full from this frame on
        parameter("hang-at", "int", "-1"),        // never come back with this frame in hand
        parameter("deaf", "bool", "false"),       // do not end when ordered
        parameter("refuse", "string", ""),        // fail to describe, with this text
        parameter("die-early", "bool", "false"),  // SIGSEGV in describe
        parameter("keep", "bool", "false"),       // hand memory on from process to process
        parameter("talk", "bool", "false"),       // a line on stdout
        parameter("file", "path", "")};           // writer: a line per frame
    list.push_back(parameter("factor", "float", "1"));
    list.back().live = true;
    list.back().maximum = "10";
    return list;
  }

  stage::Description describe(const stage::Request& request) override {
    role_ = request.role;
    with_ = json::parse(request.parameters);
    factor_ = with_.at("factor").get<double>();
    if (with_.at("die-early").get<bool>()) {
      (void)std::raise(SIGSEGV);
    }
    if (const std::string text = with_.value("refuse", ""); !text.empty()) {
      throw Error(ErrorCode::Open, text);
    }
    stage::Description description;
    description.work = role_ == "write" ? stage::Work::Looker : stage::Work::Maker;
    if (role_ != "read") {
      stage::InputPort in;
      in.name = "in";
      description.inputs.push_back(in);
    }
    if (role_ != "write") {
      stage::OutputPort out;
      out.name = "out";
      out.offers.media = AVRIG_MEDIA_FEATURES;
      description.outputs.push_back(out);
    }
    return description;
  }

  stage::Configured configure(std::span<const avrig_format>,
                              std::span<const stage::Wish>) override {
    stage::Configured result;
    if (role_ != "write") {
      result.outputs.push_back(rows_format());
      result.frame_bytes.push_back(stage::frame_bytes(rows_format()));
    }
    return result;
  }

  void prepare(stage::StageIo& io) override {
    if (with_.at("talk").get<bool>()) {
      std::printf("hello from %s\n", io.assignment().id.c_str());
      std::fflush(stdout);
    }
    if (with_.at("keep").get<bool>()) {
      keep(io);
    }
    if (const std::string file = with_.value("file", ""); !file.empty()) {
      file_ = std::fopen(file.c_str(), "a");
      if (file_ == nullptr) {
        throw errno_error(ErrorCode::Open, "cannot write '" + file + "'");
      }
    }
  }

  void run(stage::StageIo& io) override {
    if (role_ == "read") {
      read(io);
    } else {
      follow(io);
    }
    while (with_.at("deaf").get<bool>()) {
      ::pause();
    }
  }

  void set_parameter(const std::string& name, const std::string& value) override {
    if (name == "factor" && std::stod(value) == 7.0) {
      throw Error(ErrorCode::Spec, "seven is taken");
    }
    if (std::stod(value) == 9.0) {
      (void)std::raise(SIGSEGV);
    }
    factor_ = std::stod(value);
  }

  // A memory file with a letter for each process that had it; another that is let go of again.
  static void keep(stage::StageIo& io) {
    auto& kept = io.kept();
    const bool first = kept.count("letters") == 0;
    UniqueFd letters =
        first ? UniqueFd(::memfd_create("letters", MFD_CLOEXEC)) : std::move(kept["letters"]);
    std::array<char, 16> text{};
    const ssize_t count = ::pread(letters.get(), text.data(), text.size() - 1, 0);
    io.log(stage::Level::Info,
           std::to_string(kept.size()) + " kept, letters '" + text.data() + "'");
    (void)!::pwrite(letters.get(), first ? "a" : "b", 1, count);
    for (const char* name : {"gone", "letters"}) {
      (void)io.keep(name, letters.get());
    }
    io.forget("gone");
  }

 private:
  void read(stage::StageIo& io) {
    shm::RingMaker& out = io.output(0);
    const auto frames = with_.at("frames").get<std::uint64_t>();
    const auto period_ns = with_.at("period").get<std::int64_t>();
    std::int64_t due_ns = monotonic_ns();
    while ((frames == 0 || out.head() < frames) && !out.ended() && !io.stopping()) {
      if (period_ns > 0) {
        due_ns += period_ns;
        (void)io.waiter().wait([&] { return io.interrupted(); }, due_ns);
      }
      attend(io);
      misbehave(io, out.head());
      if (!io.wait(io.waiter(), [&] { return out.ready(); })) {
        continue;
      }
      publish_row(out,
                  static_cast<float>(out.head()),
                  static_cast<float>(io.assignment().generation),
                  nullptr);
      io.note_out(0);
    }
    end(io, out);
  }

  void follow(stage::StageIo& io) {
    shm::RingFollower& in = io.input(0);
    shm::RingMaker* out = io.outputs() > 0 ? &io.output(0) : nullptr;
    if (out != nullptr && out->last()) {
      in.skip_to(out->last()->origin[0]);
    }
    while (!in.ended() && !io.abandoned()) {
      attend(io);
      if (!io.wait(io.waiter(), [&] { return in.ready() && (out == nullptr || out->ready()); })) {
        continue;
      }
      shm::Taken taken;
      if (in.try_next(taken) == shm::RingFollower::Next::Taken) {
        take(io, in, out, taken);
      }
    }
  }

  void take(stage::StageIo& io, shm::RingFollower& in, shm::RingMaker* out, shm::Taken& taken) {
    const auto& set_aside = io.assignment().quarantined;
    if (std::find(set_aside.begin(), set_aside.end(), taken.sequence) != set_aside.end()) {
      if (out != nullptr) {
        shm::Descriptor empty{};
        empty.origin[0] = taken.sequence + 1;
        empty.reason = static_cast<std::uint32_t>(shm::DropReason::Unprocessed);
        empty.quarantined = 1;
        out->publish(shm::Kind::Empty, empty);
      }
      in.complete_quarantined(taken);
      in.release_all();
      return;
    }
    if (taken.kind == shm::Kind::Frame) {
      misbehave(io, taken.sequence);
      const avrig_frame frame = stage::view(taken, io.input_format(0));
      const auto* row = static_cast<const float*>(frame.plane[0].data);
      if (out != nullptr) {
        publish_row(*out, row[0] * static_cast<float>(factor_), row[1], &taken);
      } else if (file_ != nullptr) {
        std::fprintf(file_, "%.0f\n", static_cast<double>(row[0]));
        std::fflush(file_);
      }
      io.note_out(taken.descriptor.capture_ns);
    } else if (out != nullptr) {
      shm::Descriptor mark = taken.descriptor;
      mark.origin = {};
      mark.origin[0] = taken.sequence + 1;
      out->publish(taken.kind, mark);
    }
    in.note_latency(taken, monotonic_ns());
    in.complete(taken);
    in.release_all();
  }

  static void publish_row(shm::RingMaker& out,
                          float number,
                          float generation,
                          const shm::Taken* from) {
    const auto buffer = out.try_claim();
    if (!buffer) {
      throw Error(ErrorCode::Internal, "no buffer in a ring that is ready");
    }
    avrig_frame frame = stage::blank(out.memory(*buffer), rows_format());
    auto* row = static_cast<float*>(frame.plane[0].data);
    row[0] = number;
    row[1] = generation;
    frame.samples = 1;
    shm::Descriptor descriptor{};
    stage::describe_frame(frame, out.memory(*buffer), descriptor);
    if (from != nullptr) {
      descriptor.origin[0] = from->sequence + 1;
    }
    out.publish(descriptor, *buffer);
  }

  static void end(stage::StageIo& io, shm::RingMaker& out) {
    while (!out.ended() && !io.abandoned()) {
      (void)io.waiter().wait([&] { return io.abandoned() || out.may_publish(); },
                             stage::StageIo::kForever);
      shm::Descriptor mark{};
      if (out.may_publish()) {
        out.publish(shm::Kind::End, mark);
      }
    }
  }

  static void attend(stage::StageIo& io) {
    if (io.ordered()) {
      io.apply_orders();
    }
    for (const stage::Mark& mark : io.take_marks()) {
      io.log(stage::Level::Info, "got mark " + mark.text);
    }
  }

  void misbehave(stage::StageIo& io, std::uint64_t number) {
    const auto now = static_cast<std::int64_t>(number);
    const auto at = [&](const char* name) {
      return with_.at(name).get<std::int64_t>() == now;
    };
    const auto every = with_.at("crash-every").get<std::int64_t>();
    if (at("crash-at") || (every > 0 && now % every == every - 1) ||
        (io.assignment().generation == 0 && at("crash-once"))) {
      (void)std::raise(SIGSEGV);
    }
    if (at("exit-at")) {
      ::_exit(7);
    }
    if (at("fail-at")) {
      throw Error(ErrorCode::Open, "cannot write 'take.mkv': No space left on device");
    }
    while (at("hang-at")) {
      ::pause();
    }
  }

  std::string role_;
  json with_;
  double factor_ = 1;
  std::FILE* file_ = nullptr;
};

}  // namespace

int main(int argc, char** argv) {
  FakeStage stage;
  return avrig::stage::run_stage(argc, argv, stage);
}
