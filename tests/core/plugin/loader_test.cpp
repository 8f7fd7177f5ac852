// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include <avrig/error.hpp>
#include <avrig/plugin/loader.hpp>

#include <algorithm>
#include <cstdlib>
#include <elf.h>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <unistd.h>
#include <vector>

#include <doctest/doctest.h>

namespace {

namespace fs = std::filesystem;
using namespace avrig::plugin;

const fs::path kFixtures = FIXTURES;

/// A folder of this test alone, removed at its end.
class Folder {
 public:
  Folder() {
    std::string name = fs::temp_directory_path() / "avrig-loader-XXXXXX";
    path_ = ::mkdtemp(name.data());
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() { fs::remove_all(path_); }
  [[nodiscard]] const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

std::string bytes_of(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

fs::path write(const fs::path& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
  return path;
}

/// The one line that a user reads; empty when the library loads.
std::string refusal(const fs::path& path) {
  try {
    static_cast<void>(PluginLibrary::load(path));
  } catch (const avrig::Error& error) {
    CHECK(error.code() == avrig::ErrorCode::Open);
    const std::string text = error.what();
    CHECK(text.find('\n') == std::string::npos);
    CHECK(text.find(path.string()) != std::string::npos);
    return text;
  }
  return "";
}

bool says(const std::string& text, std::string_view part) {
  INFO(text);
  const bool found = text.find(part) != std::string::npos;
  CHECK(found);
  return found;
}

}  // namespace

TEST_SUITE("core/plugin/loader") {
  TEST_CASE("loader: a plug-in in plain C loads and is what it says") {
    const PluginLibrary sut = PluginLibrary::load(kFixtures / "good.so");
    REQUIRE(sut.components().size() == 1);
    CHECK(std::string(sut.component(AVRIG_PROCESSOR, "").name) == "plain");
    CHECK(std::string(sut.descriptor().version) == "1.2.3");
  }

  TEST_CASE("loader: a bigger minor version with longer structs is taken") {
    const PluginLibrary sut = PluginLibrary::load(kFixtures / "bigger_minor.so");
    CHECK(sut.descriptor().abi_minor == AVRIG_ABI_MINOR + 7);
    CHECK(sut.component(AVRIG_PROCESSOR, "plain").struct_size > sizeof(avrig_component));
  }

  TEST_CASE("loader: each bad library ends in one line that says what to do") {
    Folder folder;
    const std::string good = bytes_of(kFixtures / "good.so");
    REQUIRE(good.size() > sizeof(Elf64_Ehdr));
    SUBCASE("another major version") {
      const std::string text = refusal(kFixtures / "wrong_major.so");
      says(text, "9.0");
      says(text, "1.0");
    }
    SUBCASE("an entry that returns null") {
      says(refusal(kFixtures / "null_entry.so"), "returned null");
    }
    SUBCASE("no entry") {
      says(refusal(kFixtures / "missing_symbol.so"), "AVRIG_PLUGIN(");
    }
    SUBCASE("a symbol that nobody defines") {
      says(refusal(kFixtures / "undefined_symbol.so"), "nowhere_to_be_found");
    }
    SUBCASE("no file") {
      says(refusal(folder.path() / "none.so"), "No such file");
    }
    SUBCASE("a folder") {
      says(refusal(folder.path()), "not a regular file");
    }
    SUBCASE("an empty file") {
      says(refusal(write(folder.path() / "empty.so", "")), "not an ELF file");
    }
    SUBCASE("a text") {
      says(refusal(write(folder.path() / "not_elf.so", "#!/bin/sh\n")), "not an ELF file");
    }
    SUBCASE("a header alone") {
      says(refusal(write(folder.path() / "cut.so", good.substr(0, 20))), "cut short");
    }
    SUBCASE("half a library") {
      says(refusal(write(folder.path() / "half.so", good.substr(0, good.size() / 2))), "cut short");
    }
    SUBCASE("another machine") {
      std::string other = good;
      other[18] = static_cast<char>(EM_S390);
      other[19] = 0;
      says(refusal(write(folder.path() / "other.so", other)), "another machine");
    }
    SUBCASE("another word size") {
      std::string other = good;
      other[EI_CLASS] = ELFCLASS32;
      says(refusal(write(folder.path() / "narrow.so", other)), "another machine");
    }
    SUBCASE("a program") {
      CHECK_FALSE(refusal("/proc/self/exe").empty());
    }
    SUBCASE("unreadable") {
      const fs::path file = write(folder.path() / "secret.so", good);
      fs::permissions(file, fs::perms::none);
      if (::geteuid() != 0) {  // root reads everything
        says(refusal(file), "make it readable");
      }
    }
  }

  TEST_CASE("loader: a component is chosen by role and name") {
    const PluginLibrary sut = PluginLibrary::load(kFixtures / "shapes.so");
    CHECK(std::string(sut.component(AVRIG_READER, "").name) == "ramp");
    CHECK(std::string(sut.component(AVRIG_PROCESSOR, "mark").name) == "mark");
    CHECK_THROWS_WITH(static_cast<void>(sut.component(AVRIG_PROCESSOR, "")),
                      doctest::Contains("has several processors (name one, as in shapes.so:mark)"));
    CHECK_THROWS_WITH(static_cast<void>(sut.component(AVRIG_WRITER, "ramp")),
                      doctest::Contains("has no writer 'ramp'; it offers reader 'ramp', writer"));
  }

  TEST_CASE("reference: a bare name, a path, and a component of either") {
    const auto check =
        [](std::string_view text, std::string_view library, std::string_view part, bool is_path) {
          const Reference sut = parse_reference(text);
          CHECK(sut.library == library);
          CHECK(sut.component == part);
          CHECK(sut.is_path == is_path);
        };
    check("gain", "gain", "", false);
    check("filters:blur", "filters", "blur", false);
    check("./x.so", "./x.so", "", true);
    check("x.so", "x.so", "", true);
    check("/a/b.so:c", "/a/b.so", "c", true);
    check("/a:b/c.so", "/a:b/c.so", "", true);
    check("", "", "", false);
  }

  TEST_CASE("reference: a bare name is looked for in AVRIG_PLUGIN_PATH first") {
    Folder folder;
    const fs::path mine = write(folder.path() / "gain.so", "mine");
    ::setenv("AVRIG_PLUGIN_PATH", ("/nowhere:" + folder.path().string()).c_str(), 1);
    CHECK(find_library(parse_reference("gain")) == mine);
    CHECK(std::ranges::count(list_plugins(), "gain") == 1);
    ::unsetenv("AVRIG_PLUGIN_PATH");
    CHECK(find_library(parse_reference("gain")) == fs::path(BUILT_IN) / "gain.so");
    CHECK(find_library(parse_reference("./x.so"), "/spec/folder") == "/spec/folder/x.so");
    CHECK_THROWS_WITH(static_cast<void>(find_library(parse_reference("gian"))),
                      doctest::Contains("did you mean 'gain'?"));
  }
}
