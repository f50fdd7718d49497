// Threads that compute together. Compiled once, for any machine: what the instruction sets share.
#pragma once

#include <cstddef>
#include <cstdint>

namespace showtell {

// What a body sees of the threads that run it.
struct Team {
    int size;
    // waits until all threads of the team are here
    void barrier();
    // the part of n things that thread `me` of the team takes: [begin, end)
    void share(std::ptrdiff_t n, int me, std::ptrdiff_t& begin, std::ptrdiff_t& end) const {
        begin = n * me / size;
        end = n * (me + 1) / size;
    }
};

using Body = void (*)(void* context, int me, Team& team);

// Memory that is reused from call to call: pages are touched for the first time only once.
struct Arena {
    char* memory;
    std::size_t used;
    template <class T>
    T* take(std::ptrdiff_t count) {
        T* p = reinterpret_cast<T*>(memory + used);
        used += (std::size_t(count) * sizeof(T) + 63) / 64 * 64;
        return p;
    }
};

constexpr std::size_t bytes_of(std::ptrdiff_t count, std::size_t size) { return (std::size_t(count) * size + 63) / 64 * 64; }

}  // namespace showtell
