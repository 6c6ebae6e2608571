#include "dispart/run/queue.hpp"

#include <doctest/doctest.h>

#include <memory>
#include <thread>

using namespace dispart;

TEST_CASE("bounded_queue: first in, first out, and never more than its capacity") {
    bounded_queue<int> queue(3);
    for (int i = 0; i < 3; ++i) CHECK(queue.push(i, deadline{}));
    CHECK(queue.push(3, deadline_in(seconds(0.02))).error().code == errc::timeout);
    CHECK(queue.size() == 3);
    for (int i = 0; i < 3; ++i) CHECK(queue.pop(deadline{}) == i);
    CHECK(queue.pop(deadline_in(seconds(0.02))).error().code == errc::timeout);
}

TEST_CASE("bounded_queue: a refused item stays with the caller, a taken one is let go") {
    bounded_queue<std::shared_ptr<int>> queue(1);
    auto first = std::make_shared<int>(1);
    auto second = std::make_shared<int>(2);
    const std::weak_ptr<int> watch = first;
    CHECK(queue.push(first, deadline{}));
    CHECK(first == nullptr);
    CHECK(!queue.push(second, deadline{}));
    CHECK(second != nullptr);
    CHECK(queue.pop(deadline{}));
    CHECK(watch.expired());
}

TEST_CASE("bounded_queue: closing wakes waiters; what is inside can still be taken") {
    bounded_queue<int> queue(1);
    CHECK(queue.push(5, deadline{}));
    errc pushing = errc::timeout;
    std::thread producer([&] { pushing = queue.push(6, deadline_in(seconds(20))).error().code; });
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    queue.close();
    producer.join();
    CHECK(pushing == errc::cancelled);
    CHECK(queue.pop(deadline{}) == 5);
    CHECK(queue.pop(deadline_in(seconds(20))).error().code == errc::cancelled);
}

TEST_CASE("bounded_queue: many items between two threads") {
    bounded_queue<std::size_t> queue(4);
    std::thread producer([&] {
        for (std::size_t i = 0; i < 20'000; ++i) CHECK(queue.push(std::size_t{i}, deadline_in(seconds(20))));
    });
    for (std::size_t i = 0; i < 20'000; ++i) REQUIRE(queue.pop(deadline_in(seconds(20))) == i);
    producer.join();
}
