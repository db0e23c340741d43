#ifndef NESTML_RUNTIME_V1_TEAM
#define NESTML_RUNTIME_V1_TEAM
#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <thread>

namespace nestml_runtime {
inline namespace v1 {

/// A place where threads wait for each other, any number of times. They look around for a quarter
/// of a millisecond or so before they sleep, and let others have the processor meanwhile.
class Meeting {
 public:
  explicit Meeting(std::size_t threads) : expected(static_cast<std::uint32_t>(threads)) {}

  void wait() {
    if (expected == 1) return;
    const std::uint32_t mine = rounds.load(std::memory_order_acquire);
    if (arrived.fetch_add(1, std::memory_order_acq_rel) + 1 == expected) {
      arrived.store(0, std::memory_order_relaxed);
      {
        const std::lock_guard<std::mutex> locked(door);
        rounds.fetch_add(1, std::memory_order_acq_rel);
      }
      opened.notify_all();
      return;
    }
    for (int look = 0; look < looks; ++look) {
      if (rounds.load(std::memory_order_acquire) != mine) return;
      if (look % 64 == 63) {
        std::this_thread::yield();
      } else {
        rest();
      }
    }
    std::unique_lock<std::mutex> locked(door);
    while (rounds.load(std::memory_order_acquire) == mine) opened.wait(locked);
  }

 private:
  /// Wait for some cycles.
  static void rest() {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
  }

  static constexpr int looks = 10000;
  const std::uint32_t expected;
  std::atomic<std::uint32_t> arrived{0};
  std::atomic<std::uint32_t> rounds{0};
  std::mutex door;
  std::condition_variable opened;
};

/// Threads that are started once, and do the same work together: the one that asks, and others.
class Team {
 public:
  /// Throws std::system_error if so many threads cannot be had.
  explicit Team(std::size_t size) : size(size), begin(size), end(size), middle(size) {
    try {
      for (std::size_t i = 1; i < size; ++i) others.emplace_back([this, i] { serve(i); });
    } catch (...) {
      open_gate(closed);
      throw;
    }
    open_gate(open);
  }
  Team(const Team&) = delete;
  Team& operator=(const Team&) = delete;
  ~Team() {
    task = nullptr;
    begin.wait();
    join();
  }

  /// Have every thread do `work(number)`; returns when all are done. No exception may leave it.
  template <class Work>
  void run(Work& work) {
    what = &work;
    task = [](void* of, std::size_t number) { (*static_cast<Work*>(of))(number); };
    begin.wait();
    task(what, 0);
    end.wait();
  }

  /// To be called in the work: wait until all threads have come here.
  void meet() { middle.wait(); }

  const std::size_t size;

 private:
  enum Gate { shut, open, closed };

  /// Let the threads begin, or have them end if not all of them could be started.
  void open_gate(Gate to) {
    {
      const std::lock_guard<std::mutex> locked(door);
      gate = to;
    }
    opened.notify_all();
    if (to == closed) join();
  }

  void join() {
    for (std::thread& t : others) t.join();
  }

  void serve(std::size_t number) {
    {
      std::unique_lock<std::mutex> locked(door);
      while (gate == shut) opened.wait(locked);
      if (gate == closed) return;
    }
    while (true) {
      begin.wait();
      if (task == nullptr) return;
      task(what, number);
      end.wait();
    }
  }

  Gate gate = shut;
  std::mutex door;
  std::condition_variable opened;
  Meeting begin, end, middle;
  void* what = nullptr;
  void (*task)(void*, std::size_t) = nullptr;
  Array<std::thread> others;
};

}  // namespace v1
}  // namespace nestml_runtime
#endif
