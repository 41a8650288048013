"""Probes: texts by which encoders are compared and told apart, and things of which a collection shows but a few."""

from __future__ import annotations

PROBES = tuple(
    """a dog running on a beach
two children playing with a ball
a black and white cat asleep on a sofa
birds on a wire
a horse in a field
an elephant near a river
fish under water
a birthday cake with candles
a bowl of fruit
people eating in a restaurant
a cup of coffee on a table
a pizza
a red car in the street
a yellow bus
a train at the station
an aeroplane in the sky
a sailing boat
a man riding a bicycle
a motorcycle race
a bridge over water
a castle on a hill
skyscrapers at night
an old church
a kitchen
a bedroom with a large window
a bookshelf full of books
someone working at a computer
a woman speaking into a microphone
a band on stage
a wedding
a baby smiling
an old man with a hat
a group of friends laughing
a crowd in a stadium
a football match
a girl jumping into a pool
skiing down a mountain
a surfer on a wave
a tennis player
climbing a rock face
a tent in the forest
a path through autumn trees
flowers in a garden
a waterfall
the moon at night
sunset over the sea
fog in the mountains
snow on a roof
rain on a window
a desert
fireworks
a graph on a whiteboard
a handwritten letter
a map
a clock
a pair of shoes
a broken toy
a painting in a museum
a statue of a lion
a police officer
a doctor with a patient
a farmer with a tractor
market stalls with vegetables
an empty room""".splitlines()
)

THINGS = tuple(
    """
accordion, acorn, ambulance, anchor, ant, anvil, apron, aquarium, armchair, arrow, asparagus, astronaut, axe, badge,
badger, bagpipe, balcony, bamboo, banjo, barn, barrel, basket, bat, beaver, bee, beehive, beetle, bell, binoculars,
blender, bookshelf, boomerang, bowl, brick, broom, bucket, bulldozer, butterfly, button, cactus, calculator, calendar,
camel, canal, candle, cannon, canoe, canyon, carpet, cathedral, cave, cello, chandelier, chess, chimney, cloud, cobra,
cobweb, coconut, coin, compass, computer, coral, corkscrew, cotton, crab, cradle, crane, crocodile, crow, crown,
crystal, cymbal, dam, dartboard, desert, diamond, dice, dolphin, doorbell, dove, dragonfly, drill, drum, eagle, easel,
eggplant, elevator, escalator, factory, falcon, feather, fern, ferry, fireplace, flag, flamingo, flute, fog, forest,
fork, fossil, fountain, fox, frog, garlic, giraffe, glacier, globe, goat, goggles, goldfish, gorilla, grape,
grapefruit, greenhouse, grenade, guitar, hammer, hammock, hamster, handcuffs, harbour, harp, hedgehog, helicopter,
helmet, hippopotamus, honeycomb, horseshoe, hourglass, iceberg, igloo, iron, ivy, jaguar, jellyfish, jigsaw, jug,
kangaroo, kayak, keyboard, kimono, knot, koala, ladder, ladybird, lamp, lantern, lemon, leopard, library, lighthouse,
lightning, lily, lizard, llama, lobster, locomotive, magnet, mailbox, maple, mask, microphone, microscope, monastery,
moose, moth, mushroom, nail, necklace, needle, nest, notebook, oak, octopus, olive, onion, orchid, organ, ostrich,
otter, owl, padlock, pagoda, painting, palace, pancake, panda, parachute, parrot, peacock, pear, pelican, pencil,
penguin, piano, pier, pineapple, pirate, plough, polar bear, pomegranate, porcupine, pretzel, pulley, pump, pumpkin,
puppet, pyramid, rainbow, raven, razor, rhinoceros, rifle, robot, rocket, rollercoaster, rooster, rope, saddle,
sailor, sandal, saxophone, scarecrow, scissors, scorpion, screwdriver, seahorse, seal, shark, shell, shovel, shrimp,
skeleton, skull, sledge, snail, soldier, spider, spoon, squirrel, stadium, starfish, statue, stethoscope, submarine,
sundial, swan, sword, syringe, tambourine, tank, tapestry, telescope, temple, tent, tiger, toaster, tomato, tornado,
tractor, treadmill, trumpet, tulip, turtle, typewriter, umbrella, unicorn, vase, violin, volcano, vulture, wagon,
walrus, waterfall, weathercock, wheelbarrow, whip, windmill, witch, wolf, wrench, xylophone, yacht, zebra, zeppelin
""".replace("\n", " ")
    .strip()
    .split(", ")
)
"""Names of things of all kinds; their closest photos tell how close a collection comes to what it doesn't show."""
