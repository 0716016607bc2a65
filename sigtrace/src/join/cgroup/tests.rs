//! Paths as runtimes and managers make them, and what each says.

use super::*;

/// A container's id, and another's; a pod's, as Kubernetes writes it and as systemd has it; 32 digits.
const IDS: [(&str, &str); 5] = [
    ("<C>", "0a1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f60718293a4b5c6d7e8f9"),
    ("<D>", "f1e2d3c4b5a69788796a5b4c3d2e1f00f1e2d3c4b5a69788796a5b4c3d2e1f00"),
    ("<P>", "3f2a1b0c-9d8e-4f7a-8b6c-5d4e3f2a1b0c"),
    ("<P_>", "3f2a1b0c_9d8e_4f7a_8b6c_5d4e3f2a1b0c"),
    ("<S>", "9f86d081884c7d659a2feaa0c55ad015"),
];

/// What it is, the path, the unit, the user's unit, the container, the pod. An empty text stands for none.
type Case = (&'static str, &'static str, &'static str, &'static str, &'static str, &'static str);

#[rustfmt::skip]
const CASES: &[Case] = &[
    ("docker cgroupfs", "/docker/<C>", "", "", "docker <C>", ""),
    ("docker systemd", "/system.slice/docker-<C>.scope", "docker-<C>.scope", "", "docker <C>", ""),
    ("docker + systemd inside", "/system.slice/docker-<C>.scope/init.scope", "docker-<C>.scope", "", "docker <C>", ""),
    ("docker rootless", "/user.slice/user-1000.slice/user@1000.service/user.slice/docker-<C>.scope", "user@1000.service", "docker-<C>.scope", "docker <C>", ""),
    ("docker, GH runner parent", "/actions_job/<C>", "", "", "docker? <C>", ""),
    ("CRI containerd systemd, burstable", "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod<P_>.slice/cri-containerd-<C>.scope", "cri-containerd-<C>.scope", "", "containerd <C>", "<P>"),
    ("CRI systemd, besteffort, cri-dockerd", "/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod<P_>.slice/docker-<C>.scope", "docker-<C>.scope", "", "docker <C>", "<P>"),
    ("CRI systemd, guaranteed (no QoS level)", "/kubepods.slice/kubepods-pod<P_>.slice/cri-containerd-<C>.scope", "cri-containerd-<C>.scope", "", "containerd <C>", "<P>"),
    ("CRI cgroupfs (k3s, minikube)", "/kubepods/besteffort/pod<P>/<C>", "", "", "- <C>", "<P>"),
    ("CRI cgroupfs guaranteed", "/kubepods/pod<P>/<C>", "", "", "- <C>", "<P>"),
    ("static pod: uid is 32 hex, no dashes", "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod<S>.slice/cri-containerd-<C>.scope", "cri-containerd-<C>.scope", "", "containerd <C>", "<S>"),
    ("containerd, driver mismatch (colons)", "/system.slice/containerd.service/kubepods-burstable-pod<P_>.slice:cri-containerd:<C>", "containerd.service", "", "containerd <C>", "<P>"),
    ("cri-o systemd (runc)", "/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod<P_>.slice/crio-<C>.scope", "crio-<C>.scope", "", "cri-o <C>", "<P>"),
    ("cri-o + crun sub-group", "/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod<P_>.slice/crio-<C>.scope/container", "crio-<C>.scope", "", "cri-o <C>", "<P>"),
    ("cri-o conmon = NOT container", "/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod<P_>.slice/crio-conmon-<C>.scope", "crio-conmon-<C>.scope", "", "cri-o <C> monitor", "<P>"),
    ("cri-o cgroupfs", "/kubepods/burstable/pod<P>/crio-<C>", "", "", "cri-o <C>", "<P>"),
    ("podman root + crun", "/machine.slice/libpod-<C>.scope/container", "libpod-<C>.scope", "", "podman <C>", ""),
    ("podman conmon = NOT container", "/machine.slice/libpod-conmon-<C>.scope", "libpod-conmon-<C>.scope", "", "podman <C> monitor", ""),
    ("podman pod", "/machine.slice/machine-libpod_pod_<D>.slice/libpod-<C>.scope/container", "libpod-<C>.scope", "", "podman <C>", "<D>"),
    ("podman rootless", "/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-<C>.scope/container", "user@1000.service", "libpod-<C>.scope", "podman <C>", ""),
    ("podman cgroupfs", "/libpod_parent/libpod-<C>", "", "", "podman <C>", ""),
    ("podman cgroupfs monitor", "/libpod_parent/conmon", "", "", "", ""),
    ("podman split / quadlet", "/system.slice/web.service/libpod-payload-<C>", "web.service", "", "podman <C>", ""),
    ("nerdctl systemd", "/system.slice/nerdctl-<C>.scope", "nerdctl-<C>.scope", "", "containerd <C>", ""),
    ("nerdctl/ctr cgroupfs (ns/id)", "/default/<C>", "", "", "containerd? <C>", ""),
    ("ctr with a free name", "/default/my-nginx", "", "", "", ""),
    ("lxc ≥4 / incus / lxd", "/lxc.payload.web1/system.slice/nginx.service", "", "", "lxc web1 (web1)", ""),
    ("lxc monitor = host process", "/lxc.monitor.web1", "", "", "lxc web1 (web1) monitor", ""),
    ("lxc old v1", "/lxc/web1/init.scope", "", "", "lxc web1 (web1)", ""),
    ("nspawn service", "/machine.slice/systemd-nspawn@web1.service/payload/system.slice/sshd.service", "systemd-nspawn@web1.service", "", "systemd-nspawn web1 (web1)", ""),
    ("nspawn supervisor = host", "/machine.slice/systemd-nspawn@web1.service/supervisor", "systemd-nspawn@web1.service", "", "systemd-nspawn web1 (web1) monitor", ""),
    ("machined scope, escaped name", r"/machine.slice/machine-my\x2dbox.scope/payload", r"machine-my\x2dbox.scope", "", "machine my-box (my-box)", ""),
    ("libvirt VM", r"/machine.slice/machine-qemu\x2d3\x2dvm1.scope/libvirt/emulator", r"machine-qemu\x2d3\x2dvm1.scope", "", "", ""),
    ("libvirt-lxc", r"/machine.slice/machine-lxc\x2d2293906\x2dct1.scope/libvirt", r"machine-lxc\x2d2293906\x2dct1.scope", "", "libvirt-lxc ct1 (ct1)", ""),
    ("buildkit in dockerd (25-char id)", "/docker/buildkit/k3v9x2m7q1w8e5r4t6y0u2i9p", "", "", "buildkit k3v9x2m7q1w8e5r4t6y0u2i9p", ""),
    ("buildx container driver", "/docker/buildx/<C>", "", "", "docker <C>", ""),
    ("garden 8-4-4-4-4", "/system.slice/garden.service/garden/01234567-89ab-cdef-0123-4567", "garden.service", "", "garden 01234567-89ab-cdef-0123-4567", ""),
    ("ECS v1", "/ecs/<S>/<S>-1234567890", "", "", "ecs <S>-1234567890", ""),
    ("ECS v2", "/ecstasks.slice/ecstasks-<S>.slice/docker-<C>.scope", "docker-<C>.scope", "", "docker <C>", ""),
    ("Kata overhead group (VMM)", "/kata_overhead/<C>", "", "", "kata <C> monitor", ""),
    ("Kata, cgroupfs", "/kubepods/pod<P>/kata_<C>", "", "", "kata <C> monitor", "<P>"),
    ("nested (kind): innermost C, outermost D", "/system.slice/docker-<D>.scope/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-burstable.slice/kubelet-kubepods-burstable-pod<P_>.slice/cri-containerd-<C>.scope", "docker-<D>.scope", "", "containerd <C> in docker <D>", "<P>"),
    ("login session", "/user.slice/user-1000.slice/session-3.scope", "session-3.scope", "", "", ""),
    ("user service", "/user.slice/user-1000.slice/user@1000.service/app.slice/foo@bar.service", "user@1000.service", "foo@bar.service", "", ""),
    ("NEGATIVE uuid scope (garden regex)", "/user.slice/user-1000.slice/user@1000.service/app.slice/vte-spawn-<P>.scope", "user@1000.service", "vte-spawn-<P>.scope", "", ""),
    ("NEGATIVE systemd-run 32 hex", "/system.slice/run-r<S>.scope", "run-r<S>.scope", "", "", ""),
    ("NEGATIVE 32-hex leaf", "/jobs/<S>", "", "", "", ""),
    ("escaped unit (`cpu.service`)", "/system.slice/_cpu.service/sub", "cpu.service", "", "", ""),
    ("template + delegated subtree", "/system.slice/system-getty.slice/getty@tty1.service/a/b", "getty@tty1.service", "", "", ""),
    ("bare template is no unit", "/system.slice/getty@.service", "", "", "", ""),
];

fn whole(text: &str) -> String {
    IDS.iter().fold(text.to_owned(), |text, (short, id)| text.replace(short, id))
}

/// `docker? ID (NAME) monitor in RUNTIME ID`: the question mark where it is probable only.
fn shown(container: &Container) -> String {
    let mut text = container.runtime.unwrap_or("-").to_owned();
    text.push_str(if container.probable { "? " } else { " " });
    text.push_str(&container.id);
    if let Some(name) = &container.name {
        text.push_str(&format!(" ({name})"));
    }
    if container.role == Role::Monitor {
        text.push_str(" monitor");
    }
    if let Some(outermost) = &container.outermost {
        text.push_str(&format!(" in {} {}", outermost.runtime.unwrap_or("-"), outermost.id));
    }
    text
}

#[test]
fn a_path_says_the_unit_and_the_container() {
    for (what, path, unit, user_unit, container, pod) in CASES {
        let Names { unit: got_unit, user_unit: got_user_unit, container: got } =
            names(&whole(path));
        let got_pod = got.as_ref().and_then(|container| container.pod.clone());
        let got = [
            got_unit.unwrap_or_default(),
            got_user_unit.unwrap_or_default(),
            got.as_ref().map(shown).unwrap_or_default(),
            // A pod without a container is one of its supervisors', or none.
            got_pod.unwrap_or_default(),
        ];
        assert_eq!(
            got,
            [unit, user_unit, container, pod].map(|text| whole(text)),
            "{what}: {path}"
        );
    }
}

#[test]
fn nothing_is_made_of_what_only_looks_like_something() {
    for path in [
        "",
        "/",
        "//",
        "/init.scope/..",
        "/jobs/<C>",
        "/docker",
        "/docker/short",
        "/system.slice",
        "/.service",
        "/x@.service",
        "/@x.service",
        "/a b.service",
        "/docker-<C>",
        "/user.slice/kubepods-podnothing.slice/<C>",
        "/pod<P>/<C>",
        "/machine.slice/machine-qemu\\x2d3\\x2dvm.scope",
    ] {
        assert_eq!(names(&whole(path)).container, None, "{path}");
    }
    let forged = names("/lxc.payload.x.service/system.slice/sshd.service");
    assert_eq!((forged.unit, forged.user_unit), (None, None));
}

proptest::proptest! {
    #[test]
    fn any_path_says_something_or_nothing(path in ".{0,80}") {
        let _ = names(&path);
    }

    #[test]
    fn any_path_of_known_words_does(words in proptest::collection::vec(0..CASES.len(), 0..6)) {
        let path: String = words.iter().map(|&at| CASES[at].1).collect();
        let _ = names(&whole(&path));
    }
}
