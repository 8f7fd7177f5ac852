// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include <avrig/plugin/checks.hpp>

#include <string>
#include <vector>

#include <doctest/doctest.h>

namespace {

using namespace avrig::plugin;

void* create(const avrig_host*, const avrig_setting*, std::uint32_t) noexcept {
  return nullptr;
}
std::int32_t describe(void*, avrig_traits*) noexcept {
  return 0;
}
std::int32_t process(void*, avrig_call*) noexcept {
  return 0;
}
void destroy(void*) noexcept {}

/// A library without fault, to be spoilt in one place.
struct Sut {
  Sut() {
    parameters[0].name = "gain";
    parameters[0].type = "level";
    parameters[0].default_value = "-6";
    parameters[1].name = "mode";
    parameters[1].type = "enum";
    parameters[1].choices = "soft,hard";
    parameters[1].default_value = "hard";
    for (avrig_parameter& each : parameters) {
      each.struct_size = sizeof(avrig_parameter);
    }
    component.struct_size = sizeof component;
    component.role = AVRIG_PROCESSOR;
    component.name = "sut";
    component.parameters = parameters;
    component.parameter_count = 2;
    component.create = create;
    component.describe = describe;
    component.process = process;
    component.destroy = destroy;
    descriptor = {sizeof descriptor,
                  AVRIG_ABI_MAJOR,
                  AVRIG_ABI_MINOR,
                  AVRIG_PLUGIN_MAGIC,
                  1,
                  0,
                  components,
                  "1"};
  }
  Sut(const Sut&) = delete;
  Sut& operator=(const Sut&) = delete;
  ~Sut() = default;

  [[nodiscard]] std::string fault() const {
    return find_descriptor_fault(&descriptor).value_or("");
  }

  avrig_parameter parameters[2] = {};
  avrig_component component = {};
  const avrig_component* components[2] = {&component, &component};
  avrig_plugin_descriptor descriptor = {};
};

bool contains(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

avrig_port port(const char* name, std::uint32_t media) {
  avrig_port made{};
  made.struct_size = sizeof made;
  made.name = name;
  made.media = media;
  return made;
}

}  // namespace

TEST_SUITE("core/plugin/checks") {
  TEST_CASE("descriptor check: a good one has no fault, null has one") {
    CHECK(Sut().fault().empty());
    CHECK(find_descriptor_fault(nullptr));
  }

  TEST_CASE("descriptor check: another major version is refused with both numbers") {
    Sut sut;
    sut.descriptor.abi_major = 3;
    sut.descriptor.abi_minor = 4;
    CHECK(contains(sut.fault(), "3.4"));
    CHECK(contains(sut.fault(), "1.0"));
  }

  TEST_CASE("descriptor check: the version is read before anything that could have moved") {
    Sut sut;
    sut.descriptor.abi_major = 2;
    sut.descriptor.magic = 0;
    sut.descriptor.struct_size = 16;
    CHECK(contains(sut.fault(), "2.0"));
  }

  TEST_CASE("descriptor check: sizes, counts and tables that cannot be are named") {
    Sut sut;
    SUBCASE("tiny") {
      sut.descriptor.struct_size = 8;
    }
    SUBCASE("short") {
      sut.descriptor.struct_size = sizeof sut.descriptor - 8;
    }
    SUBCASE("huge") {
      sut.descriptor.struct_size = 0x40000000;
    }
    SUBCASE("no magic") {
      sut.descriptor.magic = 7;
    }
    SUBCASE("nothing offered") {
      sut.descriptor.component_count = 0;
    }
    SUBCASE("too much offered") {
      sut.descriptor.component_count = 100000;
    }
    SUBCASE("no components") {
      sut.descriptor.components = nullptr;
    }
    SUBCASE("null component") {
      sut.components[0] = nullptr;
    }
    SUBCASE("the same name twice") {
      sut.descriptor.component_count = 2;
    }
    SUBCASE("short component") {
      sut.component.struct_size = 40;
    }
    SUBCASE("no name") {
      sut.component.name = nullptr;
    }
    SUBCASE("a name of a path") {
      sut.component.name = "../../etc";
    }
    SUBCASE("unknown role") {
      sut.component.role = 4;
    }
    SUBCASE("no process") {
      sut.component.process = nullptr;
    }
    SUBCASE("no parameters") {
      sut.component.parameters = nullptr;
    }
    SUBCASE("many parameters") {
      sut.component.parameter_count = 1U << 30U;
    }
    SUBCASE("stride 0") {
      sut.parameters[0].struct_size = 0;
    }
    SUBCASE("unknown type") {
      sut.parameters[1].type = "colour";
    }
    SUBCASE("no choices") {
      sut.parameters[1].choices = nullptr;
    }
    SUBCASE("default not among choices") {
      sut.parameters[1].default_value = "warm";
    }
    SUBCASE("default with a unit") {
      sut.parameters[0].default_value = "-6dB";
    }
    SUBCASE("default out of range") {
      sut.parameters[0].minimum = "-3";
    }
    SUBCASE("required with default") {
      sut.parameters[0].flags = AVRIG_PARAMETER_REQUIRED;
    }
    SUBCASE("two of a name") {
      sut.parameters[1].name = "gain";
    }
    CHECK_FALSE(sut.fault().empty());
  }

  TEST_CASE("value check: canonical values against type, range and choices") {
    avrig_parameter sut{};
    sut.name = "x";
    const auto good = [&](const char* type, std::string_view value) {
      sut.type = type;
      return !find_value_fault(sut, value);
    };
    CHECK(good("bool", "true"));
    CHECK_FALSE(good("bool", "yes"));
    CHECK(good("duration", "-20000000"));
    CHECK_FALSE(good("duration", "20ms"));
    CHECK_FALSE(good("int", "1.5"));
    CHECK(good("float", "1e-3"));
    CHECK(good("level", "-inf"));
    CHECK_FALSE(good("ratio", "nan"));
    CHECK(good("string", "anything, at all"));
    CHECK(good("rate", "30000/1001"));
    CHECK_FALSE(good("rate", "30"));
    CHECK_FALSE(good("rate", "30/0"));
    sut.minimum = "0";
    sut.maximum = "10";
    CHECK(good("int", "10"));
    CHECK_FALSE(good("int", "11"));
    CHECK_FALSE(good("float", "-0.1"));
  }

  TEST_CASE("traits check: ports fit the role and the class of work") {
    const avrig_port audio[] = {port("audio", AVRIG_MEDIA_AUDIO), port("audio", AVRIG_MEDIA_AUDIO)};
    avrig_traits sut{};
    sut.struct_size = sizeof sut;
    sut.inputs = audio;
    sut.outputs = audio;
    sut.input_count = 1;
    sut.output_count = 1;
    CHECK_FALSE(find_traits_fault(sut, AVRIG_PROCESSOR));
    CHECK(find_traits_fault(sut, AVRIG_READER));
    CHECK(find_traits_fault(sut, AVRIG_WRITER));
    SUBCASE("two ports of one name") {
      sut.input_count = 2;
    }
    SUBCASE("no ports") {
      sut.input_count = 0;
    }
    SUBCASE("too many ports") {
      sut.output_count = 1000000;
    }
    SUBCASE("an editor that heals nothing") {
      sut.work = AVRIG_EDITOR;
    }
    SUBCASE("a looker that writes") {
      sut.work = AVRIG_LOOKER;
    }
    SUBCASE("unknown work") {
      sut.work = 9;
    }
    SUBCASE("unknown trigger") {
      sut.trigger = 9;
    }
    SUBCASE("no table") {
      sut.inputs = nullptr;
    }
    CHECK(find_traits_fault(sut, AVRIG_PROCESSOR));
  }

  TEST_CASE("format check: what a medium needs is there") {
    avrig_format sut{};
    CHECK(find_format_fault(sut, AVRIG_MEDIA_AUDIO));
    sut.media = AVRIG_MEDIA_AUDIO;
    CHECK(find_format_fault(sut, AVRIG_MEDIA_AUDIO));
    sut.sample_rate_hz = 48000;
    sut.channels = 2;
    sut.block_samples = 64;
    CHECK_FALSE(find_format_fault(sut, AVRIG_MEDIA_AUDIO));
    sut.channels = AVRIG_MAX_CHANNELS + 1;
    CHECK(find_format_fault(sut, AVRIG_MEDIA_AUDIO));
    sut.channels = 2;
    std::fill(std::begin(sut.codec), std::end(sut.codec), 'x');
    CHECK(find_format_fault(sut, AVRIG_MEDIA_AUDIO));
  }

  TEST_CASE("configuration check: delays, counts and the region to undo are within bounds") {
    avrig_format picture{};
    picture.media = AVRIG_MEDIA_VIDEO;
    picture.width = 64;
    picture.height = 48;
    avrig_format* outputs[] = {&picture};
    avrig_configuration sut{};
    sut.outputs = outputs;
    sut.output_count = 1;
    sut.max_outputs = 1;
    sut.undo_x = 56;
    sut.undo_width = 8;
    sut.undo_height = 48;
    CHECK_FALSE(find_configuration_fault(sut));
    SUBCASE("delay below 0") {
      sut.delay_samples = -1;
    }
    SUBCASE("delay of days") {
      sut.delay_ns = INT64_MAX;
    }
    SUBCASE("no outputs") {
      sut.max_outputs = 0;
    }
    SUBCASE("region too wide") {
      sut.undo_width = 9;
    }
    SUBCASE("region that wraps") {
      sut.undo_width = UINT32_MAX;
    }
    SUBCASE("region outside") {
      sut.undo_y = 48;
    }
    SUBCASE("region without height") {
      sut.undo_height = 0;
    }
    CHECK(find_configuration_fault(sut));
  }
}
