"""The mini world's names: which concepts are drawn, and which words are written."""

CONCEPTS: tuple[str, ...] = tuple(
    """
    alarm anchor archive asterisk atom baby bank barcode baseball basketball bed bell bicycle bluetooth book bookmark
    brain briefcase broadcast brush bug bus cake calculator calendar camera car caravan cat chat check circle clipboard
    clock cloud code compass cookie copyright crop crown cube database diamond disc divide dog door download eject
    eraser eye file film filter fingerprint fire fish flag flashlight flask folder football gamepad gauge ghost gift
    globe hammer handshake headphones headset heart horse hospital image inbox infinity key keyboard knife laptop leaf
    lifebuoy lightbulb link lock lungs magnet map medal message meteor microphone microscope minus moon mouse music
    newspaper palette paperclip passport pause peace pen pencil percent phone play plus prescription printer question
    radio rainbow receipt recycle repeat reply rewind robot rocket rss ruler scissors server share shield shower
    shuffle skull snowflake square star stethoscope stop store suitcase sun sword table tablet tag taxi terminal
    thermometer ticket timer trademark train translate tree trophy truck umbrella upload user video virus voicemail
    volleyball wallet wheelchair wifi wrench
    """.split()
)

# The hundred classes of the icons tasks: concepts that a person tells apart at a glance.
ICONS: tuple[str, ...] = tuple(
    """
    anchor asterisk atom baby bank barcode basketball bed bell bicycle bluetooth book bookmark brain briefcase brush
    bug bus cake calculator calendar camera car cat chat clipboard clock cloud compass cookie crown cube database
    diamond dog door eye file fingerprint fire fish flag flashlight flask folder football gamepad ghost gift globe
    hammer handshake headphones heart horse hospital key keyboard knife laptop leaf lifebuoy lightbulb lock lungs
    magnet map medal microphone microscope moon mouse music palette paperclip pencil phone printer
    rainbow recycle robot rocket ruler scissors shield shower skull snowflake star stethoscope sun sword
    taxi thermometer train tree trophy truck umbrella wheelchair
    """.split()
)

# The ten kinds of photograph in CIFAR-10, in its own order of labels.
PHOTO_NAMES: tuple[str, ...] = tuple("airplane automobile bird cat deer dog frog horse ship truck".split())

# Everything that a picture may be "a photo of": concepts, then the photographed kinds that are no concept.
THINGS: tuple[str, ...] = CONCEPTS + tuple(name for name in PHOTO_NAMES if name not in CONCEPTS)
