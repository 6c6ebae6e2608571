#include "dispart/run/shards.hpp"

#include <doctest/doctest.h>

#include <fstream>

#include "dispart/run/shard_folder.hpp"
#include "support/temporary.hpp"

using namespace dispart;

namespace {

std::vector<std::byte> noise(std::size_t count, std::uint64_t seed) {
    random_source draw(seed);
    std::vector<std::byte> made(count);
    for (auto& each : made) each = static_cast<std::byte>(draw.integer(0, 255));
    return made;
}

std::size_t bytes_of_new(const std::vector<shard>& now, const std::vector<shard>& before) {
    std::size_t sum = 0;
    for (const shard& each : now)
        if (std::find(before.begin(), before.end(), each) == before.end()) sum += each.length;
    return sum;
}

}  // namespace

TEST_CASE("shards: they are the whole, within their lengths") {
    const shard_lengths how{.least = 100, .usual = 1024, .most = 3000};
    for (const std::size_t size : {0, 1, 63, 100, 101, 3000, 3001, 100'000}) {
        const auto content = noise(size, size + 1);
        const auto made = shards_of(content, how);
        std::span<const std::byte> rest = content;
        for (const shard& each : made) {
            CHECK(each.content == content_of(rest.first(each.length)));
            rest = rest.subspan(each.length);
            CHECK((rest.empty() || each.length >= how.least));
            CHECK(each.length <= how.most);
        }
        CHECK(rest.empty());
    }
    CHECK(shards_of(std::vector<std::byte>(10'000), how).size() == 4);  // content that never says where to cut
}

TEST_CASE("shards: what stays is found again, wherever it stands") {
    const auto before = noise(1'000'000, 1);
    const shard_lengths how{.least = 1024, .usual = 8192, .most = 65536};
    const auto shards = shards_of(before, how);
    CHECK(shards.size() > 60);
    for (const std::size_t at : {0, 77, 500'000}) {  // ten bytes more there
        auto now = before;
        now.insert(now.begin() + static_cast<std::ptrdiff_t>(at), 10, std::byte{1});
        CHECK(bytes_of_new(shards_of(now, how), shards) < 3 * 65536);
    }
    const std::vector<std::byte> half(before.begin() + 400'000, before.end());
    CHECK(bytes_of_new(shards_of(half, how), shards) < 2 * 65536);
    CHECK(bytes_of_new(shards_of(noise(1'000'000, 2), how), shards) == 1'000'000);
}

TEST_CASE("shard folder: kept over restarts, checked, and never larger than allowed") {
    const test::temporary_folder folder;
    std::vector<std::vector<std::byte>> contents;
    for (std::uint64_t i = 0; i < 5; ++i) contents.push_back(noise(1000, i));
    {
        auto opened = shard_folder::open(folder / "cache", 3500);
        REQUIRE(opened);
        for (const auto& each : contents) (*opened)->keep(content_of(each), each);
        CHECK((*opened)->size_bytes() == 3000);
        CHECK((*opened)->find(content_of(contents[0])) == nullptr);
        const auto found = (*opened)->find(content_of(contents[4]));
        REQUIRE(found);
        CHECK(*found == contents[4]);
        (*opened)->keep({1, 2}, noise(4000, 9));  // larger than all that may be there
        CHECK((*opened)->size_bytes() == 3000);
    }
    for (const auto& each : std::filesystem::directory_iterator(folder / "cache"))
        if (std::filesystem::exists(each.path())) {  // one file is damaged, another cut
            std::fstream(each.path(), std::ios::in | std::ios::out).write("damage", 6);
            break;
        }
    auto again = shard_folder::open(folder / "cache", 3500);
    REQUIRE(again);
    CHECK((*again)->size_bytes() == 3000);
    std::size_t whole = 0;
    for (const auto& each : contents) whole += (*again)->find(content_of(each)) ? 1 : 0;
    CHECK(whole == 2);
    const auto files = std::distance(std::filesystem::directory_iterator(folder / "cache"), {});
    CHECK(files == 2);
    CHECK((*shard_folder::open(folder / "cache", 1000))->size_bytes() == 1000);
    std::ofstream(folder / "file") << "no folder";
    CHECK(shard_folder::open(folder / "file" / "cache", 1000).error().code == errc::io_error);
}
