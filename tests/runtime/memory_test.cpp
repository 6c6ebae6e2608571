#include "dispart/run/memory.hpp"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include "support/temporary.hpp"

using namespace dispart;

namespace {

void write(const std::filesystem::path& file, const std::string& text) {
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file) << text;
}

}  // namespace

TEST_CASE("memory: the tightest of the control groups around this process counts, in both versions") {
    const test::temporary_folder folder;
    const std::string root = (folder / "cgroup").string();
    const auto of = [&](const std::string& groups) {
        return detail::memory_of_groups(std::istringstream(groups), root);
    };
    write(root + "/a/memory.max", "5000\n");
    write(root + "/a/b/memory.max", "max\n");
    write(root + "/memory/x/memory.limit_in_bytes", "7000\n");
    write(root + "/memory/x/y/memory.limit_in_bytes", "3000\n");
    write(root + "/memory/memory.limit_in_bytes", "9000\n");
    CHECK(of("0::/a/b\n") == 5000.0);
    CHECK(of("0::/\n") == detail::no_limit);
    CHECK(of("3:cpu,cpuacct:/z\n4:memory:/x/y\n") == 3000.0);
    CHECK(of("4:memory:/x\n") == 7000.0);
    CHECK(of("4:memory:/\n") == 9000.0);
    CHECK(of("4:memory:/x/y\n0::/a\n") == 3000.0);
    CHECK(of("nonsense\n\n::\n") == detail::no_limit);
    CHECK(detail::number_after(std::istringstream("MemFree: 3 kB\nMemAvailable: 12 kB\n"), "MemAvailable:") ==
          12.0);
    CHECK(detail::number_after(std::istringstream("MemAvailable: much"), "MemAvailable:") == detail::no_limit);
}

TEST_CASE("memory: this process has some, and less where its limit says so") {
    const bytes before = memory_allowance();
    CHECK(before.value > 1e6);
    rlimit own{};
    REQUIRE(::getrlimit(RLIMIT_RSS, &own) == 0);
    const rlimit less{12'345'678, own.rlim_max};
    REQUIRE(::setrlimit(RLIMIT_RSS, &less) == 0);
    CHECK(memory_allowance().value == 12'345'678.0);
    REQUIRE(::setrlimit(RLIMIT_RSS, &own) == 0);
    CHECK(memory_allowance().value > 1e6);
}
