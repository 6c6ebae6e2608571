#pragma once
/// \file
/// Answers requests over workers that die, freeze, are cut off, come and go.
///
/// A coordinator runs one deployment and ends with the first error. A service stands above: it keeps every request's
/// inputs until its outcome, and when a deployment fails it finds out who is there, asks for a plan over the survivors,
/// deploys it (workers keep stages by content, so that only what changed moves), and hands over what was not answered.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "dispart/run/coordinator.hpp"
#include "dispart/run/journal.hpp"
#include "dispart/run/request_ledger.hpp"
#include "dispart/run/roster.hpp"
#include "dispart/run/watchdog.hpp"

namespace dispart {

/// What a planner gives a service.
struct service_plan {
    deployment stages{};
    std::size_t window = 0;  ///< requests in flight; 0: three times the longest path, and one, for each turn
    watchdog_options patience{};  ///< how long messages and stages may take
    std::string version{};        ///< of the model; each answer says which one gave it
};

/// Plans for who is there; called by one thread. Errors: infeasible, where nothing serves: the fallback answers.
using service_planner = std::function<result<service_plan>(const roster_view&)>;

/// Answers one request without the workers: a smaller model, an early exit.
using service_fallback = std::function<result<std::vector<tensor>>(request_id, const std::vector<tensor>&)>;

/// What stages and edges did lately.
struct service_telemetry {
    std::uint64_t epoch = 0;
    timeline events{};             ///< seconds since the service began; devices are those of the deployment
    std::vector<double> memory{};  ///< [device] bytes that its worker's process may have; 0: unknown
};

/// Settings of a `service`.
struct service_options {
    coordinator_options link{.connect_within = seconds(2.0),
                             .load_within = seconds(60.0),
                             .heartbeat = seconds(0.2),
                             .patience = seconds(1.2)};
    seconds hello_within{0.5};      ///< for a worker to answer when it is asked whether it is there
    seconds retry{0.5};             ///< until a lost worker is asked again; doubles while it fails
    seconds settle{1.0};            ///< shortest life of a deployment before a worker that came changes it
    seconds finish_within{5.0};     ///< for requests in flight, when a deployment is to change
    seconds tick{0.005};            ///< longest that new requests and commands wait to be noticed
    std::size_t most_open = 65536;  ///< requests; more are not taken
    service_fallback fallback{};
    std::shared_ptr<request_journal> journal{};  ///< what was taken is written there; what is open in it is served first
    std::function<void(const service_telemetry&)> on_telemetry{};  ///< called by the service's thread
    std::function<void(const std::string&)> log{};  ///< a line for people, by the service's thread
};

/// How a service is.
struct service_status {
    std::uint64_t epoch = 0;  ///< deployments that came to work so far
    bool serving = false;     ///< one of them works
    std::vector<std::pair<std::string, member_state>> members{};
    std::vector<std::pair<std::string, std::string>> stages{};  ///< stage's device, and what it computes on
    std::size_t waiting = 0;
    std::size_t in_flight = 0;
    std::size_t answered = 0;
    std::size_t by_fallback = 0;
    std::size_t refused = 0;
    std::size_t dropped = 0;   ///< answers that came after the outcome
    std::size_t failures = 0;  ///< of deployments
    bool superseded = false;   ///< another process has the journal now: nothing is answered here any more
    error last_failure{};
};

/// Serves requests until it is destroyed; then what is open is refused. Any thread may call.
///
/// With a journal, its outcomes count as long as no other process has taken over the journal, which happens to one that hangs:
/// from then on all that is told here is a refusal, `cancelled`, and the other one tells the outcome.
template <transport Transport>
class service {
  public:
    using outcome_handler = std::function<void(outcome)>;

    /// \param workers who is there at first
    /// \param on_outcome called once for each request that was taken, by one thread at a time; must not throw
    service(Transport carrier, std::vector<worker_host> workers, service_planner planner,
            outcome_handler on_outcome, service_options options = {})
        : carrier_(std::move(carrier))
        , planner_(std::move(planner))
        , on_outcome_(std::move(on_outcome))
        , options_(std::move(options))
        , roster_(std::move(workers), options_.retry)
        , ledger_(options_.most_open)
        , owner_(std::uint64_t{std::random_device{}()} << epoch_bits) {
        options_.link.on_failure = [this](evidence how, const error& why, const std::string& by) {
            const std::scoped_lock lock(witness_mutex_);
            accounts_.push_back({how, why, by});
        };
        resume_from_journal();
        driver_ = thread([this] { drive(); });
        scout_ = thread([this] { look_for_the_lost(); });
        clerk_ = thread([this] { refuse_the_late(); });
        if (options_.journal) keeper_ = thread([this] { keep_the_journal(); });
    }
    service(const service&) = delete;
    service& operator=(const service&) = delete;
    ~service() {
        {
            const std::scoped_lock lock(mutex_);
            stopping_ = true;
            changed_.notify_all();
            earlier_deadline_.notify_all();
        }
        driver_.join();
        scout_.join();
        clerk_.join();
        if (keeper_.joinable()) keeper_.join();
    }

    /// Takes a request; its outcome comes within that time. Ids are the caller's: one that was seen is not taken again.
    /// Errors: refused, limit_exceeded, invalid_argument (an absent tensor); then there is no outcome.
    [[nodiscard]] result<void> submit(request_id id, std::vector<tensor> inputs,
                                      seconds within = seconds(60.0)) {
        for (const tensor& each : inputs)
            if (!each.has_value())
                return fail(errc::invalid_argument, "request " + std::to_string(id), "an input is absent");
        if (options_.journal && options_.journal->has_seen(id))
            return fail(errc::refused, "request " + std::to_string(id), "a request of this id has been here");
        const std::scoped_lock lock(mutex_);
        if (stopping_) return tl::unexpected(why_it_stops());
        const bool noted = options_.journal && !ledger_.seen(id);
        if (noted) DISPART_CHECK(options_.journal->taken(id, inputs));
        const deadline next = ledger_.next_deadline();
        if (auto added = ledger_.add(id, std::move(inputs), deadline_in(within)); !added) {
            if (noted) static_cast<void>(options_.journal->ended(id));
            return added;
        }
        if (ledger_.next_deadline() < next) earlier_deadline_.notify_all();
        changed_.notify_all();
        return {};
    }

    /// A worker may be used from now on.
    void join(worker_host host) {
        command([&] { roster_.join(std::move(host)); });
    }
    /// A worker gets no more stages; once a plan without it works it does nothing for this service.
    /// Errors: not_found.
    result<void> drain(const std::string& name) {
        bool known = false;
        command([&] { known = roster_.drain(name); });
        if (known) return {};
        return fail(errc::not_found, name, "no worker of this name is here");
    }
    /// Asks for a plan again, and changes over to it: for instance to another version of the model, which the planner then
    /// deploys. Requests in flight end before; each answer is of one version.
    void plan_again() {
        command([] {});
    }

    /// Waits until no request is open. \return false at the deadline
    bool wait_until_idle(deadline until) {
        std::unique_lock lock(mutex_);
        return changed_.wait_until(lock, until, [this] { return ledger_.open_count() == 0; });
    }

    [[nodiscard]] service_status status() {
        const std::scoped_lock lock(mutex_);
        service_status now = counts_;
        for (const member& m : roster_.members()) now.members.emplace_back(m.host.name, m.state);
        now.waiting = ledger_.waiting().size();
        now.in_flight = ledger_.in_flight().size();
        now.dropped = ledger_.dropped();
        return now;
    }

  private:
    using running_deployment = coordinator<Transport>;

    struct account {
        evidence how{};
        error why{};
        std::string by{};
    };

    template <class Action>
    void command(Action action) {
        const std::scoped_lock lock(mutex_);
        action();
        change_wanted_ = true;
        patient_change_ = false;
        changed_.notify_all();
    }

    /// What was open when the process before ended. Its callers are gone, or ask again: there is an hour.
    void resume_from_journal() {
        if (!options_.journal) return;
        for (auto& each : options_.journal->take_open())
            static_cast<void>(ledger_.add(each.request, std::move(each.inputs), deadline_in(seconds(3600.0))));
    }

    // --- the driver: one deployment after the other

    void drive() {
        while (!stopping()) {
            auto planned = plan_for_the_present();
            if (!planned) {
                do_without(planned.error());
                continue;
            }
            auto options = options_.link;
            options.number = owner_ + ++attempts_;
            auto running = running_deployment::deploy(carrier_, planned->stages, options);
            if (!running) {
                recover(running.error());
                continue;
            }
            begin_serving(*planned);
            const auto ended = serve(*running, *planned);
            end_serving();
            if (ended) static_cast<void>(running->shut_down());
            running = fail(errc::cancelled, {}, {});  // all its workers are free before anything else
            if (!ended) recover(ended.error());
        }
        refuse_all();
    }

    result<service_plan> plan_for_the_present() {
        roster_view view;
        {
            const std::scoped_lock lock(mutex_);
            change_wanted_ = false;
            patient_change_ = false;
            view = roster_.view();
        }
        {
            const std::scoped_lock lock(witness_mutex_);
            accounts_.clear();
        }
        if (view.present.empty()) return fail(errc::infeasible, "service", "no worker is there");
        try {
            DISPART_TRY(service_plan planned, planner_(view));
            DISPART_CHECK(validate(planned.stages));
            if (planned.window == 0)
                planned.window = (3 * longest_path(planned.stages) + 1) * planned.stages.turns;
            planned.window = std::min(planned.window, options_.link.max_window);
            return planned;
        } catch (const std::exception& e) {
            return fail(errc::callback_failed, "planner", e.what());
        }
    }

    [[nodiscard]] static std::size_t longest_path(const deployment& d) {
        const auto level = levels(d);
        return level.empty() ? 1 : *std::max_element(level.begin(), level.end()) + 1;
    }

    /// Nothing serves: the fallback answers, or requests wait for their deadlines, until something changes.
    void do_without(const error& why) {
        log("no plan: " + to_string(why));
        {
            const std::scoped_lock lock(mutex_);
            counts_.last_failure = why;
        }
        const deadline again = deadline_in(options_.retry * 4.0);
        while (!stopping() && clock_now() < again) {
            answer_by_fallback(why);
            std::unique_lock lock(mutex_);
            if (change_wanted_) return;
            const bool work = options_.fallback && !ledger_.waiting().empty();
            if (!work)
                changed_.wait_until(lock, std::min(again, deadline_in(options_.retry)), [&] {
                    return stopping_ || change_wanted_ || (options_.fallback && !ledger_.waiting().empty());
                });
        }
    }

    void answer_by_fallback(const error& why) {
        if (!options_.fallback) return;
        for (;;) {
            std::unique_lock lock(mutex_);
            if (ledger_.waiting().empty() || change_wanted_ || stopping_) return;
            const request_id id = *ledger_.waiting().begin();
            const auto inputs = ledger_.inputs(id);
            lock.unlock();
            auto outputs = guarded_fallback(id, inputs);
            lock.lock();
            if (!ledger_.open(id)) continue;
            auto made = outputs ? ledger_.end(id, outcome_kind::fallback, why, std::move(*outputs))
                                : ledger_.end(id, outcome_kind::refused, outputs.error());
            deliver(lock, std::move(made));
        }
    }

    result<std::vector<tensor>> guarded_fallback(request_id id, const std::vector<tensor>& inputs) {
        try {
            return options_.fallback(id, inputs);
        } catch (const std::exception& e) {
            return fail(errc::callback_failed, "fallback", e.what());
        }
    }

    // --- one deployment

    void begin_serving(const service_plan& planned) {
        std::string where;
        for (const deployed_stage& each : planned.stages.stages)
            where += " " + planned.stages.hosts[each.device].name;
        log("serving on" + where);
        const std::scoped_lock lock(mutex_);
        ++counts_.epoch;
        counts_.serving = true;
        counts_.stages.clear();
        for (const deployed_stage& each : planned.stages.stages)
            counts_.stages.emplace_back(planned.stages.hosts[each.device].name,
                                        std::to_string(each.model.size()) + " bytes");
        served_since_ = clock_now();
    }
    void end_serving() {
        const std::scoped_lock lock(mutex_);
        counts_.serving = false;
    }

    /// Returns when the deployment is to be replaced in good order, or has failed, with the reason.
    result<void> serve(running_deployment& running, const service_plan& planned) {
        watchdog watch(running.plan(), planned.patience);
        detail::transfer_matcher messages;
        std::uint64_t pushed = 0, collected = 0;
        std::optional<deadline> finish_by;
        deadline next_look = deadline_in(options_.link.heartbeat);
        for (;;) {
            if (stopping()) return {};
            if (!finish_by && change_due()) finish_by = deadline_in(options_.finish_within);
            if (!finish_by) DISPART_CHECK(feed(running, planned, pushed));
            if (finish_by && (pushed == collected || clock_now() > *finish_by)) {
                if (pushed == collected) return {};
                return fail(errc::timeout, "service", "requests in flight did not end before the change");
            }
            if (pushed == collected) {
                if (running.failed()) return tl::unexpected(failure_of(running));
                wait_for_work();
            } else if (auto outputs = running.next(deadline_in(options_.tick))) {
                ++collected;
                std::unique_lock lock(mutex_);
                suspects_in_flight_ = false;
                if (auto made = ledger_.answer_oldest(std::move(*outputs), counts_.epoch)) {
                    made->version = planned.version;
                    deliver(lock, std::move(*made));
                }
            } else if (outputs.error().code != errc::timeout || running.failed()) {
                return tl::unexpected(outputs.error());
            }
            if (clock_now() < next_look) continue;
            next_look = deadline_in(options_.link.heartbeat);
            if (running.failed()) return tl::unexpected(failure_of(running));
            const auto places = running.take_spans();
            watch.observe(places);
            tell_telemetry(running, places, messages);
            if (const auto stuck = watch.check(pushed, collected)) {
                note_stuck(*stuck);
                return tl::unexpected(stuck->to_error());
            }
        }
    }

    /// The failure that a deployment with nothing in flight has met.
    [[nodiscard]] error failure_of(running_deployment& running) {
        const auto outputs = running.next(deadline_in(seconds(0.0)));
        return outputs ? error{errc::peer_lost, "service", "the deployment failed", {}} : outputs.error();
    }

    [[nodiscard]] bool change_due() {
        const std::scoped_lock lock(mutex_);
        return change_due_at() <= clock_now();
    }
    /// With the lock.
    [[nodiscard]] deadline change_due_at() const {
        if (!change_wanted_) return deadline::max();
        return patient_change_ ? served_since_ + (deadline_in(options_.settle) - clock_now()) : served_since_;
    }

    /// Fills the window. After a deployment failed by its own computing, what was in flight goes one by one.
    result<void> feed(running_deployment& running, const service_plan& planned, std::uint64_t& pushed) {
        for (;;) {
            std::unique_lock lock(mutex_);
            const bool careful = !suspects_.empty() || suspects_in_flight_;
            if (ledger_.waiting().empty() || ledger_.in_flight().size() >= (careful ? 1 : planned.window))
                return {};
            const request_id id = *ledger_.waiting().begin();
            const auto inputs = ledger_.inputs(id);  // tensors are shared, not copied
            if (inputs.size() != planned.stages.inputs) {
                deliver(lock, ledger_.end(id, outcome_kind::refused,
                                          {errc::invalid_argument,
                                           "request " + std::to_string(id),
                                           std::to_string(inputs.size()) + " inputs for a model that has " +
                                               std::to_string(planned.stages.inputs),
                                           {}}));
                continue;
            }
            static_cast<void>(ledger_.hand_out());
            if (careful) std::erase(suspects_, id);
            suspects_in_flight_ = careful;
            lock.unlock();
            ++pushed;
            DISPART_CHECK(running.push(inputs));
        }
    }

    void wait_for_work() {
        std::unique_lock lock(mutex_);
        const deadline look = deadline_in(options_.link.heartbeat * 0.5);
        changed_.wait_until(lock, std::min(change_due_at(), look), [this] {
            return stopping_ || change_due_at() <= clock_now() || !ledger_.waiting().empty();
        });
    }

    void tell_telemetry(running_deployment& running, const std::vector<detail::placed_spans>& places,
                        detail::transfer_matcher& messages) {
        if (!options_.on_telemetry) return;
        const deployment& plan = running.plan();
        service_telemetry told{.epoch = counts_.epoch, .memory = running.memory()};
        for (const worker_host& each : plan.hosts) told.events.devices.push_back(each.name);
        const detail::report_scope all{0, ~std::size_t{0}, nanoseconds_of(began_)};
        for (const auto& place : places) detail::add_local_events(place, plan, all, told.events.events);
        messages.add(places, plan, all, told.events.events);
        options_.on_telemetry(told);
    }

    // --- when something failed

    void note_stuck(const stuck_place& where) {
        if (where.edge == no_id || where.from.empty() || where.to.empty() || where.from == where.to) return;
        const std::scoped_lock lock(witness_mutex_);
        accounts_.push_back({evidence::accusation, {errc::timeout, where.to, "stuck", {}}, where.from});
    }

    /// Takes back what was in flight, finds out who is there, and draws the conclusions.
    void recover(const error& why) {
        log("deployment failed: " + to_string(why));
        const bool by_itself = why.code != errc::peer_lost && why.code != errc::timeout;
        std::vector<worker_host> asked;
        {
            std::unique_lock lock(mutex_);
            ++counts_.failures;
            counts_.last_failure = why;
            blame_requests(lock, why, by_itself);
            asked = roster_.view().present;
        }
        const auto answers = say_hello(carrier_, asked, options_.link.name, options_.hello_within);
        bool changed = false;
        {
            const std::scoped_lock lock(mutex_);
            for (std::size_t i = 0; i < asked.size(); ++i)
                if (!answers[i]) {
                    roster_.lose(asked[i].name, to_string(answers[i].error()));
                    log("lost " + asked[i].name + ": " + to_string(answers[i].error()));
                    changed = true;
                }
            changed = take_accounts() || changed;
            if (by_itself && !requests_are_to_blame_ && roster_.has(why.offender)) {
                roster_.lose(why.offender, to_string(why));
                changed = true;
            }
            futile_ = changed ? 0 : std::min<std::size_t>(futile_ + 1, 6);
        }
        if (futile_ > 0) sleep_until(deadline_in(seconds(0.01 * static_cast<double>(1U << futile_))));
    }

    /// Where a worker accuses another, both answer, and nothing else explains it, it is what lies between them. With the
    /// lock.
    bool take_accounts() {
        const std::scoped_lock lock(witness_mutex_);
        const auto view = roster_.view();
        bool found = false;
        for (const account& each : accounts_) {
            if (each.how != evidence::accusation || !view.has(each.by) || !view.has(each.why.offender) ||
                has_own_reason(each.why.offender, each.by))
                continue;
            log("nothing gets through between " + each.by + " and " + each.why.offender);
            roster_.part(each.by, each.why.offender);
            found = true;
        }
        accounts_.clear();
        return found;
    }

    /// Whether a worker left its neighbours for a reason of its own: it failed, ended (and may be there again), or lost
    /// another neighbour before. With the witness lock.
    [[nodiscard]] bool has_own_reason(const std::string& accused, const std::string& by) const {
        return std::any_of(accounts_.begin(), accounts_.end(), [&](const account& each) {
            if (each.how == evidence::accusation) return each.by == accused && each.why.offender != by;
            return each.how != evidence::lost_data && each.why.offender == accused;
        });
    }

    /// A failure of computing may be a request's fault: those in flight are tried again one by one, and the one that
    /// fails alone is refused.
    void blame_requests(std::unique_lock<std::mutex>& lock, const error& why, bool by_itself) {
        requests_are_to_blame_ = by_itself && !ledger_.in_flight().empty();
        const std::vector<request_id> flying(ledger_.in_flight().begin(), ledger_.in_flight().end());
        ledger_.take_back();
        if (!requests_are_to_blame_) return;
        if (flying.size() > 1 || !suspects_in_flight_) {
            suspects_ = flying;
        } else if (ledger_.open(flying.front())) {
            deliver(lock, ledger_.end(flying.front(), outcome_kind::refused, why));
        }
        suspects_in_flight_ = false;
    }

    // --- outcomes

    /// The clerk: who is not answered by the deadline is told so, whatever the driver waits for.
    void refuse_the_late() {
        std::unique_lock lock(mutex_);
        while (!stopping_) {
            if (const auto late = ledger_.overdue()) {
                error why{errc::timeout,
                          "request " + std::to_string(*late),
                          "it was not answered by its deadline",
                          {}};
                if (!counts_.serving && !counts_.last_failure.message.empty())
                    why.hint = to_string(counts_.last_failure);
                deliver(lock, ledger_.end(*late, outcome_kind::refused, std::move(why)));
                continue;
            }
            const deadline next = std::min(ledger_.next_deadline(), deadline_in(seconds(3600.0)));
            earlier_deadline_.wait_until(lock, next,
                                         [&] { return stopping_ || ledger_.next_deadline() < next; });
        }
    }

    void refuse_all() {
        std::unique_lock lock(mutex_);
        ledger_.take_back();
        while (!ledger_.waiting().empty())
            deliver(lock, ledger_.end(*ledger_.waiting().begin(), outcome_kind::refused, why_it_stops()));
    }

    /// With the lock.
    [[nodiscard]] error why_it_stops() const {
        return {errc::cancelled,
                "service",
                counts_.superseded ? "another coordinator has taken over"
                                   : "it stopped before the request was answered",
                {}};
    }

    /// Tells the caller, without the lock, which is held again on return.
    void deliver(std::unique_lock<std::mutex>& lock, outcome made) {
        std::erase(suspects_, made.request);
        if (superseded()) made = {.request = made.request, .reason = why_it_stops(), .took = made.took};
        switch (made.how) {
        case outcome_kind::answered:
            ++counts_.answered;
            break;
        case outcome_kind::fallback:
            ++counts_.by_fallback;
            break;
        case outcome_kind::refused:
            ++counts_.refused;
            break;
        }
        lock.unlock();
        {
            const std::scoped_lock telling(telling_mutex_);
            const request_id id = made.request;
            on_outcome_(std::move(made));
            if (options_.journal) static_cast<void>(options_.journal->ended(id));
        }
        lock.lock();
        changed_.notify_all();
    }

    // --- the keeper: says that this process is alive

    void keep_the_journal() {
        std::unique_lock lock(mutex_);
        while (!stopping_) {
            options_.journal->renew();
            if (superseded()) return;
            changed_.wait_until(lock, deadline_in(options_.link.heartbeat), [this] { return stopping_; });
        }
    }

    /// Whether another process has taken over the journal; then this service ends. With the lock.
    bool superseded() {
        if (!options_.journal || counts_.superseded || options_.journal->owned()) return counts_.superseded;
        counts_.superseded = stopping_ = true;
        changed_.notify_all();
        earlier_deadline_.notify_all();
        return true;
    }

    // --- the scout: looks for lost workers

    void look_for_the_lost() {
        std::unique_lock lock(mutex_);
        while (!stopping_) {
            const auto due = roster_.due();
            if (due.empty()) {
                changed_.wait_until(lock, deadline_in(options_.retry * 0.5), [this] { return stopping_; });
                continue;
            }
            lock.unlock();
            const auto answers = say_hello(carrier_, due, options_.link.name, options_.hello_within);
            lock.lock();
            for (std::size_t i = 0; i < due.size(); ++i) {
                if (!answers[i]) {
                    roster_.postpone(due[i].name);
                    continue;
                }
                roster_.find_again(due[i].name);
                patient_change_ = patient_change_ || !change_wanted_;
                change_wanted_ = true;
                changed_.notify_all();
            }
        }
    }

    [[nodiscard]] bool stopping() {
        const std::scoped_lock lock(mutex_);
        return stopping_;
    }

    void log(const std::string& line) {
        if (options_.log) options_.log(line);
    }

    Transport carrier_;
    service_planner planner_;
    outcome_handler on_outcome_;
    service_options options_;
    deadline began_ = clock_now();

    std::mutex mutex_{};
    condition changed_{};
    condition earlier_deadline_{};
    // under the mutex
    roster roster_;
    request_ledger ledger_;
    service_status counts_{};
    bool stopping_ = false;
    bool change_wanted_ = false;
    bool patient_change_ = false;  ///< the change that is wanted may wait until the deployment has settled
    deadline served_since_{};
    std::vector<request_id> suspects_{};  ///< were in flight when computing failed; go one by one
    bool suspects_in_flight_ = false;     ///< the one in flight is alone because of that
    bool requests_are_to_blame_ = false;

    patient_mutex telling_mutex_{};  ///< calls of on_outcome_
    std::mutex witness_mutex_{};
    std::vector<account> accounts_{};  ///< of the deployment at work

    // of the driver
    std::uint64_t owner_;
    std::uint64_t attempts_ = 0;
    std::size_t futile_ = 0;  ///< failures in a row from which nothing was learnt

    thread driver_{};
    thread scout_{};
    thread clerk_{};
    thread keeper_{};
};

}  // namespace dispart
