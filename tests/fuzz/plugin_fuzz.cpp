// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors

/// Builds a plug-in's tables from bytes and has them checked: nothing may be read out of bounds,
/// and what is passed must hold what the loader then relies on.
#include <avrig/plugin/checks.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace {

using namespace avrig::plugin;

/// Takes the input apart; zeros when it is used up.
class Bytes {
 public:
  Bytes(const std::uint8_t* data, std::size_t size) noexcept : data_(data), left_(size) {}

  std::uint32_t small() noexcept {
    if (left_ == 0) {
      return 0;
    }
    --left_;
    return *data_++;
  }
  /// Mostly the value that is right, so that the checks behind it are reached.
  std::uint32_t near(std::uint32_t right) noexcept {
    const std::uint32_t choice = small();
    if (choice < 240) {
      return right;
    }
    return choice < 248 ? right + choice - 244 : (small() << 24U) | (small() << 8U) | small();
  }
  const char* text() {
    static constexpr std::array<const char*, 12> kTexts = {"a",
                                                           "gain",
                                                           "video-2",
                                                           "int",
                                                           "enum",
                                                           "level",
                                                           "list",
                                                           "bool",
                                                           "a,b",
                                                           "-6",
                                                           "true",
                                                           "1e999"};
    const std::uint32_t choice = small();
    if (choice < 8) {
      return nullptr;
    }
    if (choice < 220) {
      return kTexts[choice % kTexts.size()];
    }
    std::string made(small() % 80, '\0');
    for (char& c : made) {
      c = static_cast<char>(small() | 1U);
    }
    return kept_.emplace_back(std::make_unique<std::string>(std::move(made)))->c_str();
  }

 private:
  const std::uint8_t* data_;
  std::size_t left_;
  std::vector<std::unique_ptr<std::string>> kept_;
};

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

/// An array of `count` structs, `stride` apart, each ending where its memory ends.
template <class T, class Fill>
std::vector<std::max_align_t> table(std::uint32_t count, std::uint32_t stride, Fill&& fill) {
  // Beyond these the check must refuse without looking further than the first.
  const bool sane = stride >= sizeof(T) && stride <= 4096 && stride % 8 == 0 && count <= 256;
  const std::size_t made = sane ? std::max(1U, count) : 1;
  const std::size_t bytes = (made - 1) * (sane ? stride : 0) + sizeof(T);
  std::vector<std::max_align_t> memory(bytes / sizeof(std::max_align_t) + 1);
  for (std::size_t i = 0; i < made; ++i) {
    void* const at =
        static_cast<char*>(static_cast<void*>(memory.data())) + i * stride * (sane ? 1 : 0);
    T each{};
    fill(each);
    each.struct_size = stride;
    std::memcpy(at, &each, sizeof each);
  }
  return memory;
}

template <class T>
const T* first_of(const std::vector<std::max_align_t>& memory) noexcept {
  return static_cast<const T*>(static_cast<const void*>(memory.data()));
}

void expect(bool held) {
  if (!held) {
    std::abort();
  }
}

void check_descriptor(Bytes& bytes) {
  const std::uint32_t parameters = bytes.near(bytes.small() % 5);
  const auto parameter_table = table<avrig_parameter>(
      parameters, bytes.near(sizeof(avrig_parameter)), [&](avrig_parameter& each) {
        each.flags = bytes.small() % 4;
        each.name = bytes.text();
        each.type = bytes.text();
        each.default_value = bytes.text();
        each.minimum = bytes.text();
        each.maximum = bytes.text();
        each.choices = bytes.text();
      });
  avrig_component component{};
  component.struct_size = bytes.near(sizeof component);
  component.role = bytes.near(AVRIG_PROCESSOR);
  component.name = bytes.text();
  component.parameters =
      bytes.small() == 255 ? nullptr : first_of<avrig_parameter>(parameter_table);
  component.parameter_count = parameters;
  component.create = create;
  component.describe = describe;
  component.process = bytes.small() == 255 ? nullptr : process;
  component.destroy = destroy;

  const std::uint32_t count = bytes.near(1);
  const std::vector<const avrig_component*> components(count <= 256 ? count + 1 : 1,
                                                       bytes.small() == 255 ? nullptr : &component);
  const avrig_plugin_descriptor descriptor = {bytes.near(sizeof descriptor),
                                              bytes.near(AVRIG_ABI_MAJOR),
                                              bytes.small(),
                                              bytes.near(AVRIG_PLUGIN_MAGIC),
                                              count,
                                              0,
                                              components.data(),
                                              nullptr};
  if (find_descriptor_fault(&descriptor)) {
    return;
  }
  expect(descriptor.abi_major == AVRIG_ABI_MAJOR && component.process != nullptr);
  expect(component.name != nullptr && !role_name(component.role).empty());
  for (std::uint32_t i = 0; i < component.parameter_count; ++i) {
    const avrig_parameter& each = parameter_at(component, i);
    expect(each.name != nullptr && each.type != nullptr);
    expect(each.default_value == nullptr || !find_value_fault(each, each.default_value));
  }
}

void check_traits(Bytes& bytes) {
  const auto fill = [&](avrig_port& each) {
    each.media = bytes.near(AVRIG_MEDIA_AUDIO);
    each.name = bytes.text();
    each.block = bytes.near(0);
  };
  avrig_traits traits{};
  traits.input_count = bytes.near(1);
  traits.output_count = bytes.near(1);
  const auto inputs = table<avrig_port>(traits.input_count, bytes.near(sizeof(avrig_port)), fill);
  const auto outputs = table<avrig_port>(traits.output_count, bytes.near(sizeof(avrig_port)), fill);
  traits.inputs = first_of<avrig_port>(inputs);
  traits.outputs = first_of<avrig_port>(outputs);
  traits.work = bytes.near(AVRIG_MAKER);
  traits.heal = bytes.small() % 4;
  traits.trigger = bytes.near(AVRIG_TRIGGER_ALL);
  const std::uint32_t role = 1 + bytes.small() % 3;
  if (!find_traits_fault(traits, role)) {
    expect(traits.input_count <= AVRIG_MAX_PORTS && traits.output_count <= AVRIG_MAX_PORTS);
    expect(traits.work != AVRIG_EDITOR || role != AVRIG_PROCESSOR ||
           traits.heal != AVRIG_HEAL_NONE);
  }
}

void check_format(const std::uint8_t* data, std::size_t size) {
  avrig_format format{};
  if (size > 0) {
    std::memcpy(&format, data, std::min(size, sizeof format));
  }
  for (std::uint32_t media = AVRIG_MEDIA_AUDIO; media <= AVRIG_MEDIA_PACKETS; ++media) {
    format.media = media;
    if (!find_format_fault(format, media)) {
      expect(::strnlen(format.pixel_format, sizeof format.pixel_format) < 16);
      expect(media != AVRIG_MEDIA_AUDIO || format.channels <= AVRIG_MAX_CHANNELS);
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Bytes bytes(data, size);
  if (bytes.small() % 2 == 0) {
    check_descriptor(bytes);
  } else {
    check_traits(bytes);
  }
  check_format(data, size);
  return 0;
}
