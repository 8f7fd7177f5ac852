// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "support.hpp"

#include <cstring>

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

using namespace avrig;
using namespace avrig::graph;
using namespace avrig::graph::test;
using spec::Role;

namespace {

constexpr auto kVideo = static_cast<std::uint32_t>(AVRIG_MEDIA_VIDEO);
constexpr std::uint64_t kPicture = 1920 * 1080 * 3 / 2;

void check_size(const Planned& planned,
                const std::string& label,
                std::uint32_t slots,
                std::uint32_t window,
                std::uint32_t buffers) {
  const shm::RingSpec& spec = ring(planned.plan, label).spec;
  INFO(label);
  CHECK(spec.slots == slots);
  CHECK(spec.window == window);
  CHECK(spec.buffers == buffers);
}

const stage::Assignment& assignment(const Planned& planned, const std::string& id) {
  for (const stage::Assignment& assignment : planned.plan.assignments) {
    if (assignment.id == id) {
      return assignment;
    }
  }
  throw std::runtime_error("no stage " + id);
}

std::string dump(const Plan& plan) {
  nlohmann::json json = plan.assignments;
  std::string text = json.dump();
  for (const RingPlan& ring : plan.rings) {
    text += ring.label + " " + std::to_string(ring.bytes);
    for (const shm::ParticipantEntry& entry : ring.spec.participants) {
      text += " " + std::to_string(entry.after) + "/" + std::to_string(entry.behind);
    }
  }
  return text;
}

}  // namespace

TEST_SUITE("core/graph/plan") {
  TEST_CASE("the sizes of the talking head") {
    const Planned sut = talking_head().plan();
    REQUIRE_MESSAGE(sut.ok(), text(sut.problems));
    // 46.875 blocks a second: 550 ms are 26, 500 ms 24. 8 MiB are two pictures, so three.
    check_size(sut, "clip/audio", 64, 26, 27);
    check_size(sut, "clip/video", 8, 3, 4);
    // A gate's input: what gate and followers hold (2), one on its way, and 500 ms.
    // Sound waits a little longer: its gate starts with that of the larger pictures.
    check_size(sut, "clean/out", 64, 28, 29);
    check_size(sut, "blur/out", 21, 18, 19);
    check_size(sut, "lips-audio/out", 32, 29, 0);
    check_size(sut, "lips-video/out", 22, 19, 0);
    CHECK(ring(sut.plan, "blur/out").spec.buffer_bytes == kPicture);
    std::uint64_t sum = 0;
    for (const RingPlan& ring : sut.plan.rings) {
      CHECK(ring.bytes == shm::Ring::bytes_needed(ring.spec));
      sum += ring.bytes;
    }
    CHECK(sut.plan.bytes == sum);
  }

  TEST_CASE("offline a gate waits for nothing") {
    Rig rig = talking_head();
    rig.spec.offline = true;
    const Planned sut = rig.plan();
    check_size(sut, "blur/out", 8, 3, 4);
  }

  TEST_CASE("who gets which ring, bell and pool") {
    const Planned sut = talking_head().plan();
    CHECK(sut.plan.bells == 10);  // eight stages, and a thread for each output of the reader
    const stage::Assignment& clip = assignment(sut, "clip");
    CHECK(clip.outputs[0].port == "audio");
    CHECK(clip.outputs[0].bell == 8);
    CHECK(clip.outputs[1].bell == 9);
    CHECK(ring(sut.plan, "clip/video").spec.maker_bell == 9);
    const stage::Assignment& take = assignment(sut, "take");
    REQUIRE(take.inputs.size() == 2);
    const std::uint32_t pool = ring(sut.plan, "blur/out").spec.ring_id;
    CHECK(take.inputs[1].from == "lips-video/out");
    CHECK(take.inputs[1].pools == std::vector<std::uint32_t>{pool});
    CHECK(take.rings == std::vector<std::uint32_t>{2, 3, 4, 5});
    CHECK(assignment(sut, "lips-video").inputs[0].pools.empty());
    CHECK(assignment(sut, "lips-video").inputs[0].part == shm::Part::Gate);
    // An index of a ring is its id, and participants are numbered as the plan lists them.
    for (const stage::Assignment& stage : sut.plan.assignments) {
      for (const stage::AssignedInput& input : stage.inputs) {
        CHECK(sut.plan.rings[input.ring].spec.participants[input.participant].stage == stage.stage);
      }
    }
  }

  TEST_CASE("a gate behind a gate passes on the names of the first pool") {
    Rig rig;
    rig.add("cam", Role::Reader, source(video()));
    rig.add("one", Role::Sync, gate(), {"cam"}, "one");
    rig.add("two", Role::Sync, gate(), {"one"}, "two");
    rig.add("take", Role::Writer, recorder(), {"two"});
    const Planned sut = rig.plan();
    CHECK(assignment(sut, "two").inputs[0].pools == std::vector<std::uint32_t>{0});
    CHECK(assignment(sut, "take").inputs[0].pools == std::vector<std::uint32_t>{0});
    CHECK(assignment(sut, "take").rings == std::vector<std::uint32_t>{0, 2});
  }

  TEST_CASE("a sync group has sections for gates and presenting writers; sound leads") {
    Rig rig = talking_head();
    std::swap(rig.spec.stages[3], rig.spec.stages[4]);  // the video gate first in the file
    const Planned sut = rig.plan();
    REQUIRE(sut.plan.groups.size() == 1);
    const GroupPlan& group = sut.plan.groups.front();
    CHECK(group.name == "lips");
    CHECK(group.members.size() == 4);
    CHECK(sut.plan.assignments[group.master].id == "lips-audio");
    CHECK(assignment(sut, "lips-video").sync_section == 0);
    CHECK(assignment(sut, "lips-audio").sync_section == 1);
    CHECK(assignment(sut, "speakers").sync_section == 2);
    CHECK(assignment(sut, "screen").sync_group == 0);
    CHECK(assignment(sut, "take").sync_group == -1);
    CHECK(assignment(sut, "clip").sync_group == -1);
  }

  TEST_CASE("a live ring is as deep as its followers may lag") {
    Rig rig;
    rig.add("cam", Role::Reader, source(video("nv12", 1920, 1080, 60), true));
    SUBCASE("a recorder has two seconds") {
      rig.add("take", Role::Writer, recorder(), {"cam"});
      const Planned sut = rig.plan();
      // 120 frames, one in hand, one on its way, two guard slots, one more; a spare in hand.
      check_size(sut, "cam/out", 125, 3, 125);
      CHECK(ring(sut.plan, "cam/out").spec.live);
    }
    SUBCASE("or what the file says") {
      rig.add("take", Role::Writer, recorder(), {"cam"});
      rig.spec.stages[0].out.slack_ns = 1'000'000'000;
      check_size(rig.plan(), "cam/out", 65, 3, 65);
      rig.spec.stages[1].inputs[0].slack_ns = 4'000'000'000;
      check_size(rig.plan(), "cam/out", 245, 3, 245);
    }
    SUBCASE("a preview has jitter and a restart") {
      rig.add("screen", Role::Writer, presenter(kVideo), {"cam"});
      check_size(rig.plan(), "cam/out", 38, 3, 38);
    }
    SUBCASE("a recorder behind a gate has both: its slack and the gate's delay") {
      rig.add("lips", Role::Sync, gate(), {"cam"}, "lips");
      rig.add("take", Role::Writer, recorder(), {"lips"});
      // 150 frames, two held, one on its way; two spares.
      check_size(rig.plan(), "cam/out", 156, 33, 157);
    }
    SUBCASE("a processor needs no slack, its own recorder does") {
      rig.add("blur", Role::Processor, maker(kVideo), {"cam"});
      rig.add("take", Role::Writer, recorder(), {"blur"});
      const Planned sut = rig.plan();
      check_size(sut, "cam/out", 38, 3, 38);
      check_size(sut, "blur/out", 125, 3, 125);
    }
    SUBCASE("a depth in the file holds") {
      rig.add("take", Role::Writer, recorder(), {"cam"});
      rig.spec.stages[0].out.depth_frames = 20;
      check_size(rig.plan(), "cam/out", 20, 3, 20);
    }
  }

  TEST_CASE("what maker and followers declare is never undercut") {
    Fake decoder = source(video());
    decoder.description.outputs.front().own_buffers = 16;
    Fake encoder = recorder();
    encoder.description.inputs.front().holds = 40;
    Fake denoiser = maker(kVideo);
    denoiser.description.inputs.front().history = 5;
    Rig rig;
    rig.add("clip", Role::Reader, decoder);
    SUBCASE("as described") {
      rig.add("take", Role::Writer, encoder, {"clip"});
      rig.add("calm", Role::Processor, denoiser, {"clip"});
      check_size(rig.plan(), "clip/out", 44, 41, 58);
    }
    SUBCASE("as configured") {
      encoder.configure = [](auto, auto) {
        stage::Configured configured;
        configured.holds = {7};
        return configured;
      };
      rig.add("take", Role::Writer, encoder, {"clip"});
      check_size(rig.plan(), "clip/out", 11, 8, 25);
    }
    SUBCASE("editors wait for each other, so what they hold adds up") {
      Fake stamp = editor(kVideo);
      rig.add("stamp", Role::Processor, stamp, {"clip"});
      rig.add("raw", Role::Writer, encoder, {"clip"});
      rig.add("take", Role::Writer, encoder, {"stamp"});
      check_size(rig.plan(), "clip/out", 85, 82, 99);
    }
    SUBCASE("a depth that cannot work is refused with the one that can") {
      rig.add("take", Role::Writer, encoder, {"clip"});
      rig.spec.stages[0].out.depth_frames = 20;
      const Planned sut = rig.plan();
      CHECK(contains(text(sut.problems), "is to have depth 20"));
      CHECK(contains(text(sut.problems), "'depth: 43'"));
    }
  }

  TEST_CASE("a ring whose frames meet again covers the longer way") {
    Fake slow = maker(kVideo);
    slow.configure = [](auto inputs, auto) {
      stage::Configured configured;
      configured.outputs = {inputs[0]};
      configured.frame_bytes = {kPicture};
      configured.delay_ns = 300'000'000;
      return configured;
    };
    Rig rig;
    rig.add("clip", Role::Reader, source(video()));
    rig.add("slow", Role::Processor, slow, {"clip"});
    rig.add("both", Role::Writer, recorder(), {"clip", "slow"});
    // One held, ten frames on the way through the processor (300 ms and one in hand), one moving.
    check_size(rig.plan(), "clip/out", 15, 12, 13);
  }

  TEST_CASE("twenty diamonds in a row are planned at once") {
    Fake join = maker(kVideo);
    join.description.many_inputs = true;
    Rig rig;
    rig.add("s0", Role::Reader, source(video()));
    std::string last = "s0";
    for (int index = 0; index < 20; ++index) {
      const std::string number = std::to_string(index);
      rig.add("a" + number, Role::Processor, maker(kVideo), {last});
      rig.add("b" + number, Role::Processor, maker(kVideo), {last});
      rig.add("j" + number, Role::Processor, join, {"a" + number, "b" + number});
      last = "j" + number;
    }
    rig.add("take", Role::Writer, recorder(), {last});
    rig.spec.memory_budget_bytes = std::int64_t{1} << 40;
    CHECK(rig.plan().ok());
  }

  TEST_CASE("the window of the file holds, in bytes") {
    Rig rig;
    rig.add("clip", Role::Reader, source(video()));
    rig.add("take", Role::Writer, recorder(), {"clip"});
    rig.spec.stages[0].out_ports["out"].window_bytes = 10 * static_cast<std::int64_t>(kPicture);
    check_size(rig.plan(), "clip/out", 13, 10, 11);
  }

  TEST_CASE("two pictures in flight where only so they stay in cache with the one being written") {
    const auto window_of = [](std::uint64_t bytes) {
      Fake clip = source(video());
      clip.configure = [bytes](auto, auto) {
        stage::Configured configured;
        configured.outputs = {video()};
        configured.frame_bytes = {bytes};
        return configured;
      };
      Rig rig;
      rig.add("clip", Role::Reader, clip);
      rig.add("take", Role::Writer, recorder(), {"clip"});
      const Planned sut = rig.plan();
      CHECK(ring(sut.plan, "clip/out").spec.buffers == ring(sut.plan, "clip/out").spec.window + 1);
      return ring(sut.plan, "clip/out").spec.window;
    };
    CHECK(window_of(640 * 480 * 3) == 9);
    CHECK(window_of(std::uint64_t{5} << 20) == 3);
    CHECK(window_of(1920 * 1080 * 3) == 2);
    CHECK(window_of(3840 * 2160 * 3) == 3);  // three would not stay either
  }

  TEST_CASE("an output that nobody follows has the smallest ring, for taps") {
    Rig rig;
    rig.add("clip", Role::Reader, media_reader());
    rig.add("take", Role::Writer, recorder(), {"clip/audio"});
    const Planned sut = rig.plan();
    check_size(sut, "clip/video", 8, 3, 4);
    CHECK(ring(sut.plan, "clip/video").spec.participants.empty());
    CHECK(assignment(sut, "clip").outputs.size() == 2);
  }

  TEST_CASE("a follower that may skip has spare buffers for what it holds") {
    Rig rig;
    rig.add("clip", Role::Reader, source(video()));
    rig.add("take", Role::Writer, recorder(), {"clip"});
    rig.add("screen", Role::Writer, presenter(kVideo), {"clip"});
    check_size(rig.plan(), "clip/out", 8, 3, 5);
  }

  TEST_CASE("a plan beyond its budget names the largest rings and the key to lower") {
    Rig rig;
    rig.add("cam", Role::Reader, source(video("nv12", 3840, 2160, 60), true));
    rig.add("take", Role::Writer, recorder(), {"cam"});
    rig.spec.memory_budget_bytes = std::int64_t{1} << 30;
    const Planned sut = rig.plan();
    CHECK_FALSE(sut.ok());
    const std::string problems = text(sut.problems);
    INFO(problems);
    CHECK(contains(problems, "rig.yaml:1:3 the rings need 1484MiB, 'memory_budget' is 1024MiB"));
    CHECK(contains(problems, "'cam/out' 1484MiB (125 buffers of 12MiB)"));
    CHECK(contains(problems, "lower 'slack' in 'out' of stage 'cam'"));
    CHECK(contains(problems, "'memory_budget: 1484MiB'"));
  }

  TEST_CASE("an editor that heals by undo has a before-image of what it declares, or of all") {
    Fake stamp = editor(kVideo, stage::Heal::Undo);
    std::uint64_t expected = kPicture;
    SUBCASE("all") {}
    SUBCASE("a region") {
      expected = 4096;
      stamp.configure = [](auto inputs, auto) {
        stage::Configured configured;
        configured.outputs = {inputs[0]};
        configured.frame_bytes = {0};
        configured.undo_bytes = 4096;
        return configured;
      };
    }
    Rig rig;
    rig.add("cam", Role::Reader, source(video()));
    rig.add("stamp", Role::Processor, stamp, {"cam"});
    const Planned sut = rig.plan();
    REQUIRE_MESSAGE(sut.ok(), text(sut.problems));
    CHECK(ring(sut.plan, "cam/out").spec.participants[0].undo_bytes == expected);
  }

  TEST_CASE("what was not processed is dropped live and passed offline, where it can be") {
    Rig rig = talking_head();
    CHECK_FALSE(assignment(rig.plan(), "blur").unprocessed_pass);
    rig.spec.offline = true;
    CHECK(assignment(rig.plan(), "blur").unprocessed_pass);
    rig.spec.stages[2].unprocessed = spec::Unprocessed::Drop;
    CHECK_FALSE(assignment(rig.plan(), "blur").unprocessed_pass);
    CHECK_FALSE(assignment(rig.plan(), "clip").unprocessed_pass);
    rig.spec.stages[2].unprocessed = spec::Unprocessed::Pass;
    rig.fakes["blur"].configure = [](auto, auto) {
      stage::Configured configured;
      configured.outputs = {video("yuv420p", 640, 480)};
      configured.frame_bytes = {640 * 480 * 3 / 2};
      return configured;
    };
    CHECK(contains(text(rig.plan().problems), "stage 'blur' is to pass on frames"));
  }

  TEST_CASE("paced pictures are not waited for spinning, nor anything on too few cores") {
    const Planned sut = talking_head().plan();
    CHECK(assignment(sut, "screen").wait == shm::WaitMode::Block);
    CHECK(assignment(sut, "clean").wait == shm::WaitMode::Adaptive);
    CHECK(assignment(talking_head().plan({.cores = 2}), "clean").wait == shm::WaitMode::Block);
    Rig rig = talking_head();
    rig.spec.stages[1].wait = spec::Wait::Spin;
    CHECK(assignment(rig.plan({.cores = 2}), "clean").wait == shm::WaitMode::Spin);
  }

  TEST_CASE("the same pipeline gives the same plan") {
    const std::string sut = dump(talking_head().plan().plan);
    CHECK(sut == dump(talking_head().plan().plan));
  }

  TEST_CASE("the rings of a plan can be laid out") {
    const Planned sut = talking_head().plan();
    for (const RingPlan& plan : sut.plan.rings) {
      if (plan.bytes > (std::uint64_t{4} << 20)) {
        continue;
      }
      const shm::Segment segment = shm::Ring::create(plan.label, plan.spec);
      const shm::Ring ring(segment, {});
      CHECK(ring.window() == plan.spec.window);
      CHECK(ring.participants().size() == plan.spec.participants.size());
    }
  }
}
