#include "dispart/run/buffer.hpp"

#include <doctest/doctest.h>

#include <optional>

using namespace dispart;

TEST_CASE("buffer_pool: released memory is handed out again, held memory is not") {
    const buffer_pool pool;
    std::optional<buffer> first = pool.acquire(10'000);
    const auto* place = first->bytes().data();
    CHECK(reinterpret_cast<std::uintptr_t>(place) % tensor::alignment == 0);
    const buffer second = pool.acquire(10'000);
    CHECK(second.bytes().data() != place);
    first.reset();
    const buffer third = pool.acquire(9'000);
    CHECK(third.bytes().data() == place);
    CHECK(third.size() == 9'000);
}

TEST_CASE("buffer_pool: a large block is not spent on a small buffer") {
    const buffer_pool pool;
    const auto* place = pool.acquire(1'000'000).bytes().data();
    const buffer small = pool.acquire(10);
    CHECK(small.bytes().data() != place);
    CHECK(pool.acquire(1'000'000).bytes().data() == place);
}

TEST_CASE("buffer_pool: buffers outlive it") {
    std::optional<buffer_pool> pool(std::in_place);
    buffer held = pool->acquire(100);
    pool.reset();
    held.bytes()[99] = std::byte{1};
    CHECK(held.bytes()[99] == std::byte{1});
}

TEST_CASE("buffer_pool: keeps no more blocks than it was told") {
    const buffer_pool pool(1);
    std::optional<buffer> a = pool.acquire(5000);
    std::optional<buffer> b = pool.acquire(5000);
    const auto* newest = b->bytes().data();
    a.reset();
    b.reset();
    CHECK(pool.acquire(5000).bytes().data() == newest);
}

TEST_CASE("buffer: copies share, copy_of does not") {
    const std::vector<std::byte> from{std::byte{1}, std::byte{2}};
    buffer a = buffer::copy_of(from);
    const buffer b = a;
    a.bytes()[0] = std::byte{9};
    CHECK(b.bytes()[0] == std::byte{9});
    CHECK(from[0] == std::byte{1});
    CHECK(buffer::copy_of({}).empty());
}
