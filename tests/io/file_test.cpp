#include "dispart/io/file.hpp"

#include <doctest/doctest.h>

#include <sys/stat.h>
#include <unistd.h>

#include "support/temporary.hpp"

using namespace dispart;

TEST_CASE("what is written is read back, binary and text") {
    const test::temporary_folder folder;
    const std::vector<std::byte> bytes{std::byte{0}, std::byte{13}, std::byte{10}, std::byte{255}};
    REQUIRE(io::write_file(folder / "a", bytes).has_value());
    CHECK(io::read_file(folder / "a") == bytes);
    REQUIRE(io::write_text(folder / "a", "line\r\nline\n").has_value());
    CHECK(io::read_text(folder / "a") == std::string("line\r\nline\n"));
    REQUIRE(io::write_text(folder / "a", "").has_value());
    CHECK(io::read_text(folder / "a") == std::string());
}

TEST_CASE("pieces are written one after the other") {
    const test::temporary_folder folder;
    const std::string first = "ab";
    const std::string last = "c";
    const std::vector<std::span<const std::byte>> pieces{
        std::as_bytes(std::span(first)), {}, std::as_bytes(std::span(last))};
    REQUIRE(io::write_file(folder / "a", pieces).has_value());
    CHECK(io::read_text(folder / "a") == std::string("abc"));
}

TEST_CASE("a range of a file is read, and one outside it is refused") {
    const test::temporary_folder folder;
    REQUIRE(io::write_text(folder / "a", "0123456789").has_value());
    const auto middle = io::read_file(folder / "a", {.offset = 3, .length = 2});
    REQUIRE(middle.has_value());
    CHECK(*middle == std::vector{std::byte{'3'}, std::byte{'4'}});
    CHECK(io::read_file(folder / "a", {.offset = 10})->empty());
    CHECK(io::read_file(folder / "a", {.offset = 11}).error().code == errc::invalid_argument);
    CHECK(io::read_file(folder / "a", {.offset = 8, .length = 3}).error().code == errc::invalid_argument);
    CHECK(io::read_file(folder / "a", {.offset = ~std::uint64_t{0}, .length = 3}).error().code ==
          errc::invalid_argument);
}

TEST_CASE("errors name the file") {
    const test::temporary_folder folder;
    const auto absent = io::read_file(folder / "absent");
    REQUIRE(!absent.has_value());
    CHECK(absent.error().code == errc::not_found);
    CHECK(absent.error().offender == (folder / "absent").string());
    CHECK(io::read_file(folder.path()).error().code == errc::io_error);
    CHECK(io::write_text(folder / "no" / "such" / "folder", "x").error().code == errc::not_found);
    CHECK(io::write_text(folder.path(), "x").error().code == errc::io_error);
}

TEST_CASE("a pipe that nobody writes to is refused instead of waited for") {
    const test::temporary_folder folder;
    REQUIRE(::mkfifo((folder / "pipe").c_str(), 0600) == 0);
    CHECK(io::read_file(folder / "pipe").error().code == errc::io_error);
}

TEST_CASE("a full disk is an error") {
    if (::access("/dev/full", W_OK) != 0) {
        MESSAGE("skipped: no /dev/full");
        return;
    }
    CHECK(io::write_text("/dev/full", "x").error().code == errc::io_error);
}
