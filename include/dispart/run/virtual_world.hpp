#pragma once
/// \file
/// A world of simulated threads and time: the runtime's failure paths run in it thousands of times, in no time, and each
/// run can be repeated from its seed.

#include <ucontext.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <utility>
#include <vector>

#include "dispart/core/random.hpp"
#include "dispart/run/clock.hpp"

namespace dispart {

/// Runs threads as coroutines of one real thread. Who may run next is drawn at random; when nobody may, the clock jumps
/// to the next deadline. What runs here must wait only through clock.hpp, and never while it holds a std::mutex.
class virtual_world final : public thread_world {
  public:
    /// Threads that freeze together: a host.
    using group = std::size_t;

    explicit virtual_world(std::uint64_t seed) : random_(seed) {}

    /// Runs the body in group 0 until it and every thread that it began have ended.
    /// \return false where all that are left wait for each other for ever; they are abandoned
    bool run(std::function<void()> body) {
        spawn_in(0, std::move(body));
        auto* before = std::exchange(detail::current_world, this);
        bool lives = true;
        while (lives && !living_.empty()) lives = step();
        detail::current_world = before;
        return lives;
    }

    void spawn_in(group g, std::function<void()> body) {
        living_.push_back(std::make_unique<fiber>(fiber{.body = std::move(body), .of = g}));
        fiber& made = *living_.back();
        made.stack = take_stack();
        ::getcontext(&made.context);
        made.context.uc_stack.ss_sp = made.stack.get();
        made.context.uc_stack.ss_size = stack_size;
        made.context.uc_link = &scheduler_;
        made.home = this;
        const auto address = reinterpret_cast<std::uintptr_t>(&made);
        ::makecontext(&made.context, reinterpret_cast<void (*)()>(&virtual_world::enter), 2,
                      static_cast<unsigned>(address >> 32U), static_cast<unsigned>(address & 0xffffffffU));
    }

    /// The group's threads stop where they are, as those of a suspended process.
    void freeze(group g) { frozen(g) = true; }
    void thaw(group g) { frozen(g) = false; }

    // --- thread_world

    [[nodiscard]] deadline now() const override { return now_; }
    void spawn(std::function<void()> body) override { spawn_in(current_->of, std::move(body)); }
    void park(const void* place, deadline until) override {
        current_->place = place;
        current_->until = until;
        ::swapcontext(&current_->context, &scheduler_);
    }
    void wake(const void* place) override {
        for (auto& each : living_)
            if (each->place == place) each->place = nullptr;
    }

  private:
    static constexpr std::size_t stack_size = std::size_t{256} << 10;
    using stack_memory = std::unique_ptr<std::byte[]>;

    struct fiber {
        std::function<void()> body{};
        group of = 0;
        virtual_world* home = nullptr;
        ucontext_t context{};
        stack_memory stack{};
        const void* place = nullptr;  ///< what it waits for; nullptr: nothing
        deadline until{};
        bool ended = false;
    };

    static void enter(unsigned high, unsigned low) {
        auto* self = reinterpret_cast<fiber*>((static_cast<std::uintptr_t>(high) << 32U) | low);
        self->body();  // what it throws ends the process, as it does in a std::thread
        self->body = nullptr;
        self->ended = true;
    }

    [[nodiscard]] bool may_run(const fiber& f) {
        return (f.place == nullptr || f.until <= now_) && !frozen(f.of);
    }

    /// Lets one thread run, or time pass. \return false where nothing will ever happen again
    bool step() {
        ready_.clear();
        for (std::size_t i = 0; i < living_.size(); ++i)
            if (may_run(*living_[i])) ready_.push_back(i);
        if (ready_.empty()) return pass_time();
        const std::size_t chosen = ready_[random_.index(ready_.size())];
        current_ = living_[chosen].get();
        current_->place = nullptr;
        ::swapcontext(&scheduler_, &current_->context);
        if (current_->ended) bury(current_);
        return true;
    }

    bool pass_time() {
        deadline next = now_ + std::chrono::hours(24 * 365);
        for (const auto& each : living_)
            if (!frozen(each->of)) next = std::min(next, each->until);
        if (next >= now_ + std::chrono::hours(24 * 365)) return false;
        now_ = next;
        return true;
    }

    void bury(const fiber* dead) {
        const auto found = std::find_if(living_.begin(), living_.end(),
                                        [&](const auto& each) { return each.get() == dead; });
        stacks_.push_back(std::move((*found)->stack));
        living_.erase(found);
    }

    stack_memory take_stack() {
        if (stacks_.empty()) return std::make_unique_for_overwrite<std::byte[]>(stack_size);
        stack_memory taken = std::move(stacks_.back());
        stacks_.pop_back();
        return taken;
    }

    [[nodiscard]] std::vector<bool>::reference frozen(group g) {
        if (g >= frozen_.size()) frozen_.resize(g + 1, false);
        return frozen_[g];
    }

    random_source random_;
    deadline now_{std::chrono::hours(1000)};
    ucontext_t scheduler_{};
    std::vector<std::unique_ptr<fiber>> living_{};  ///< in the order in which they began
    std::vector<std::size_t> ready_{};
    std::vector<stack_memory> stacks_{};
    std::vector<bool> frozen_{};
    fiber* current_ = nullptr;
};

}  // namespace dispart
